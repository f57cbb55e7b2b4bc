"""The composer remembers what a person chose and wrote, on every device, and loses nothing."""

import uuid

import pytest
from django.urls import reverse

from generations import drafts
from generations.forms import composer as composers
from generations.models import EngineSetting, SavedDraft, TeamDefault
from generations.providers.capabilities import NumberRange
from tests.generations.asking import DEMO
from tests.generations.factories import make_reference
from tests.generations.stub import STUB, set_up_stub

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
CHOSEN = {"engine": DEMO, "num_images": "2", "resolution": "4K", "aspect_ratio": "16:9"}


class Page:
    """One open page of the composer: what its form holds, and what it has seen."""

    def __init__(self, client):
        self.client = client
        composer = client.get("/").context["composer"]
        self.given = {
            "idempotency_key": composer.form.key,
            "draft_version": composer.draft.seen,
        }

    def write(self, name="draft", **given):
        self.given |= given
        response = self.client.post(reverse(name), self.given, headers=HTMX)
        context = response.context
        state = context["draft"] if name == "draft" else context["composer"].draft
        self.given["draft_version"] = state.seen
        return state


@pytest.fixture
def desk(alice, sign_in):
    return sign_in(alice)


@pytest.fixture
def phone(alice, sign_in):
    return sign_in(alice)


def shown(client, address="/"):
    """What the form of a page shows."""
    form = client.get(address).context["composer"].form
    names = ("engine", "num_images", "resolution", "aspect_ratio", "prompt", "negative_prompt")
    return {name: str(form[name].value() or "") for name in names if name in form.fields}


class TestRemembered:
    def test_choices_and_texts_are_the_same_on_another_device(self, desk, phone):
        texts = {"prompt": "a red fox 🦊 ثعلب", "negative_prompt": "fog"}
        Page(desk).write(**CHOSEN, **texts)
        assert shown(phone) == CHOSEN | texts

    def test_a_choice_that_changes_the_price_is_kept_at_once(self, desk, phone):
        Page(desk).write("composer", **CHOSEN, prompt="a fox")
        assert shown(phone) | CHOSEN == shown(phone)
        assert shown(phone)["prompt"] == "a fox"

    def test_references_of_the_team_are_kept_and_files_are_not(self, desk, phone, alice):
        reference = make_reference(alice)
        Page(desk).write(**CHOSEN, references=[str(reference.uuid), "[object File]"])
        [thumbnail] = phone.get("/").context["composer"].shown.chosen
        assert thumbnail.uuid == str(reference.uuid)

    def test_what_was_sent_leaves_its_choices_and_not_its_prompt(self, desk, phone):
        page = Page(desk)
        page.write(**CHOSEN, prompt="a fox", seed="7")
        assert desk.post("/", page.given).status_code == 303
        assert shown(phone) == CHOSEN | {"prompt": "", "negative_prompt": ""}
        assert "seed" not in SavedDraft.objects.get().given

    def test_a_run_that_is_used_again_goes_before_the_draft(self, desk, phone, alice):
        page = Page(desk)
        sent = desk.post("/", page.given | CHOSEN | {"prompt": "a fox"})["Location"]
        Page(phone).write(**CHOSEN | {"num_images": "4"}, prompt="a bear")
        assert shown(desk, sent) == CHOSEN | {"prompt": "a fox", "negative_prompt": ""}
        assert shown(desk)["prompt"] == "a bear"

    def test_it_is_each_persons_own(self, desk, bob, sign_in):
        Page(desk).write(**CHOSEN, prompt="a fox")
        assert shown(sign_in(bob))["prompt"] == ""

    def test_an_engine_that_is_gone_falls_back_with_a_word(self, desk, monkeypatch, settings):
        set_up_stub(monkeypatch, settings, seed=NumberRange(0, 9))
        Page(desk).write(engine=STUB, num_images="3", resolution="2K", aspect_ratio="1:1", seed="7")
        EngineSetting.objects.create(engine=STUB, is_on=False)
        form = desk.get("/").context["composer"].form
        assert form["engine"].value() == DEMO
        assert form["num_images"].value() == 3
        assert form.notes == ["Engine: An admin has switched this engine off. Choose another."]


class TestTwoPages:
    def test_the_newest_wins_and_the_other_can_be_brought_back(self, desk, phone):
        first, second = Page(desk), Page(phone)
        assert first.write(**CHOSEN, prompt="a red fox").other == ""
        assert second.write(**CHOSEN, prompt="a bear").other == "a red fox"
        assert shown(desk)["prompt"] == "a bear"
        for _press in range(2):
            phone.post(reverse("draft-other"), second.given | {"other": "bring-back"})
        assert shown(desk)["prompt"] == "a red fox"
        assert desk.get("/").context["composer"].draft.other == "a bear"

    def test_it_can_be_discarded(self, desk, phone):
        first, second = Page(desk), Page(phone)
        first.write(**CHOSEN, prompt="a red fox")
        second.write(**CHOSEN, prompt="a bear")
        desk.post(reverse("draft-other"), second.given | {"other": "discard"})
        assert desk.get("/").context["composer"].draft.other == ""
        assert shown(desk)["prompt"] == "a bear"

    def test_going_on_where_another_device_stopped_replaces_nothing(self, desk, phone):
        Page(desk).write(**CHOSEN, prompt="a fox")
        assert Page(phone).write(**CHOSEN, prompt="a bear").other == ""

    def test_writes_of_one_page_that_overtake_each_other_replace_nothing(self, desk):
        page = Page(desk)
        page.write(**CHOSEN, prompt="a fox")
        page.given["draft_version"] = "0"
        assert page.write(prompt="a bear").other == ""

    def test_a_run_that_is_sent_keeps_what_another_page_wrote(self, desk, phone):
        page = Page(desk)
        Page(phone).write(**CHOSEN, prompt="a bear")
        assert desk.post("/", page.given | CHOSEN | {"prompt": "a fox"}).status_code == 303
        assert phone.get("/").context["composer"].draft.other == "a bear"


class TestBadInput:
    def test_a_text_that_is_too_long_is_told_and_changes_nothing(self, desk):
        page = Page(desk)
        page.write(**CHOSEN, prompt="a fox")
        response = desk.post(reverse("draft"), page.given | {"prompt": "x" * 50_001}, headers=HTMX)
        assert response.status_code == 422
        assert "at most 50000 characters" in response.content.decode()
        assert shown(desk)["prompt"] == "a fox"

    @pytest.mark.parametrize(
        "given",
        [
            {"num_images": "²"},
            {"engine": "x" * 5000, "draft_version": "x", "idempotency_key": "\0"},
            {"prompt": "\0\ud800".encode("utf-8", "surrogatepass"), "references": ["x"] * 99},
            {"resolution": "\0", "aspect_ratio": "\0", "campaign": "\0"},
        ],
    )
    def test_nonsense_is_kept_from_the_page(self, desk, given):
        page = Page(desk)
        assert desk.post(reverse("draft"), page.given | given).status_code == 200
        assert desk.get("/").status_code == 200

    def test_an_empty_form_changes_nothing(self, desk):
        Page(desk).write(**CHOSEN, prompt="a fox")
        for name in ("draft", "composer", "draft-other"):
            desk.post(reverse(name))
        assert shown(desk)["prompt"] == "a fox"


class TestTeamDefault:
    @pytest.fixture(autouse=True)
    def _default(self, team):
        TeamDefault.objects.create(team=team, **CHOSEN)

    def test_holds_for_whoever_has_not_chosen(self, desk, charlie, sign_in):
        assert shown(desk) | CHOSEN == shown(desk)
        assert shown(sign_in(charlie))["resolution"] == "2K"

    def test_what_a_person_chose_goes_first(self, desk):
        Page(desk).write(**CHOSEN | {"num_images": "3"})
        assert shown(desk)["num_images"] == "3"

    def test_a_default_that_is_no_longer_possible_falls_back_with_a_word(self, desk):
        TeamDefault.objects.update(resolution="8K")
        form = desk.get("/").context["composer"].form
        assert form["resolution"].value() == "2K"
        assert form.notes[0].startswith("Resolution: ")


def test_saving_asks_a_few_queries_and_writes_nothing_twice(alice, django_assert_max_num_queries):
    values = {"prompt": "a fox", "engine": DEMO}
    form = str(uuid.uuid4())
    first = drafts.keep(alice, values, form=form, seen="")
    with django_assert_max_num_queries(6):
        again = drafts.keep(alice, values, form=form, seen=str(first.version))
    assert again.version == first.version


def test_a_broken_replaced_draft_is_no_text(alice):
    kept = SavedDraft(user=alice, replaced={"references": [str(uuid.uuid4())]})
    assert composers.draft_state(kept).other == "references without a prompt"
