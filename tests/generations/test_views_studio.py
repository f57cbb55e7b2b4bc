"""The studio's page: who sees what, what a submit does, and that nothing is lost."""

import html
import re
import uuid
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts import ledger
from accounts.events import Event
from accounts.groups import REVIEWERS
from accounts.models import Entry, Record
from generations import budgets
from generations.forms.fields import FILE_LEFT_OUT
from generations.forms.lineage import mark_of
from generations.models import Budget, Campaign, Price, Reference, Run
from generations.reading import feed
from generations.submission import SubmissionRefused
from tests.factories import make_user
from tests.generations.asking import APIXO, DEMO, ask
from tests.generations.factories import (
    image_file,
    make_finished_run,
    make_generation,
    make_pending_run,
    make_reference,
    make_run,
)
from tests.queries import queries_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def fields(**given):
    return {
        "engine": DEMO,
        "prompt": "ridges at dawn",
        "num_images": "2",
        "resolution": "2K",
        "aspect_ratio": "3:2",
        "idempotency_key": str(uuid.uuid4()),
    } | given


def press(client, **given):
    return client.post(reverse("studio"), fields(**given))


def nothing_happened():
    reserved = Entry.objects.filter(kind=Entry.Kind.RESERVE)
    return not (Run.objects.exists() or reserved.exists() or Reference.objects.exists())


@pytest.fixture
def tab(alice, sign_in):
    return sign_in(alice)


class TestPage:
    def test_names_the_price_on_the_button(self, tab):
        page = tab.get("/").content.decode()
        assert re.search(r'type="submit">Generate <span class="cost">8 credits</span>', page)

    def test_every_control_has_its_label(self, tab):
        page = tab.get("/").content.decode()
        for name in ("Prompt", "Images", "Format"):
            (control,) = re.findall(rf'<label class="sr-only" for="([^"]+)">{name}</label>', page)
            assert f'id="{control}"' in page

    def test_shows_the_teams_runs_and_no_others(self, tab, bob, charlie):
        ours, theirs = make_finished_run(bob), make_finished_run(charlie, prompt="secret")
        page = tab.get("/").content.decode()
        assert f'id="run-{ours.uuid}" data-status="succeeded"' in page
        assert str(theirs.uuid) not in page
        assert "secret" not in page

    def test_polls_only_while_something_is_on_its_way(self, tab, alice):
        make_finished_run(alice)
        assert "every 2s" not in tab.get("/").content.decode()
        make_pending_run(alice)
        assert "every 2s" in tab.get("/").content.decode()

    def test_works_without_scripts(self, tab):
        page = tab.get("/").content.decode()
        form = re.search(r"<form\s+class=\"composer\".*?</form>", page, re.S)[0]
        assert 'method="post"' in form
        assert 'enctype="multipart/form-data"' in form
        assert re.search(r"<noscript>.*Update price.*</noscript>", form, re.S)
        assert not re.search(r"\s(on\w+|style)=", page)

    def test_needs_a_person(self, client):
        assert client.get("/").status_code == 302
        assert client.post("/", fields()).status_code == 302
        assert nothing_happened()

    def test_a_reviewer_looks_and_makes_nothing(self, reviewer, alice, sign_in):
        run = make_finished_run(alice)
        client = sign_in(reviewer)
        page = client.get("/").content.decode()
        assert str(run.uuid) in page
        assert "Generate" not in page
        runs = Run.objects.count()
        assert press(client).status_code == 403
        assert Run.objects.count() == runs

    def test_twenty_runs_need_no_more_queries_than_two(self, tab, alice, monkeypatch):
        monkeypatch.setattr(feed, "PAGE_SIZE", 40)
        for _ in range(2):
            make_finished_run(alice, images=2)
            make_pending_run(alice)
        few = queries_of(lambda: tab.get("/"))
        for _ in range(9):
            make_finished_run(alice, images=2)
            make_pending_run(alice)
        assert queries_of(lambda: tab.get("/")) == few


class TestBlocked:
    """A button that can't be pressed has the reason beside it."""

    def reason(self, client):
        page = client.get("/").content.decode()
        button = re.search(r"<button class=\"button button-primary[^>]*>", page)[0]
        assert 'disabled aria-describedby="composer-reason"' in button
        return re.search(r'id="composer-reason">([^<]*)<', page)[1]

    def test_no_credits(self, sign_in):
        poor = make_user(quota=1)
        assert "You have 1 left until they renew on" in self.reason(sign_in(poor))

    def test_a_team_without_credits(self, alice, tab):
        alice.team.quota = 3
        alice.team.save()
        assert "Your team has 3 left until they renew on" in self.reason(tab)

    @pytest.mark.parametrize("is_open", [True, False])
    def test_a_budget_that_stops_runs_is_told_as_the_refusal_says_it(self, tab, alice, is_open):
        Price.objects.filter(engine=DEMO).update(cost_usd=Decimal("0.05"))
        budget = Budget.objects.create(usd=Decimal("0.09"), blocks=True)
        if is_open:
            budgets.follow(budget)
        reason = html.unescape(self.reason(tab))
        with pytest.raises(SubmissionRefused) as refused:
            ask(alice, num_images=4)
        assert reason == refused.value.message
        assert "renews on" in reason

    def test_a_budget_that_only_counts_stops_nothing(self, tab):
        Budget.objects.create(usd=0, blocks=False)
        assert "composer-reason" not in tab.get("/").content.decode()

    def test_no_price(self, tab):
        Price.objects.all().delete()
        assert "no price" in self.reason(tab)

    def test_no_engine(self, tab, settings):
        settings.DEMO = False
        assert "No engine is set up" in self.reason(tab)


class TestSubmit:
    def test_makes_a_run_and_comes_back_with_the_form_filled(self, tab, alice):
        response = press(tab, prompt="a red fox", aspect_ratio="16:9", num_images="3")
        run = Run.objects.get()
        assert response.status_code == 303
        assert response["Location"] == f"/?reuse={run.uuid}"
        assert (run.prompt, run.wanted, run.user) == ("a red fox", 3, alice)
        assert ledger.balance(alice).reserved == 6
        page = tab.get(response["Location"]).content.decode()
        assert "a red fox</textarea>" in page
        assert 'value="16:9" selected' in page
        assert 'value="3" selected' in page

    def test_keeps_the_scope(self, tab):
        response = tab.post("/?scope=mine", fields())
        assert "scope=mine" in response["Location"]

    def test_the_same_press_twice_is_one_run(self, tab, alice):
        sent = fields()
        first, second = (tab.post("/", sent) for _ in range(2))
        assert first["Location"] == second["Location"]
        assert Run.objects.count() == 1
        assert ledger.balance(alice).reserved == 4

    def test_the_same_key_with_other_content_charges_nothing_and_gets_a_fresh_one(self, tab, alice):
        key = str(uuid.uuid4())
        press(tab, idempotency_key=key)
        response = press(tab, idempotency_key=key, prompt="something else")
        page = response.content.decode()
        assert response.status_code == 422
        assert "press again" in page
        fresh = re.search(r'name="idempotency_key" value="([^"]+)"', page)[1]
        assert fresh != key
        assert ledger.balance(alice).reserved == 4
        assert press(tab, idempotency_key=fresh, prompt="something else").status_code == 303

    def test_too_few_credits_says_what_is_left_and_needed(self, sign_in):
        poor = make_user(quota=3)
        response = press(sign_in(poor), num_images="4")
        page = response.content.decode()
        assert response.status_code == 422
        assert "needs 8 credits" in page
        assert "You have 3 left until they renew on" in page
        assert nothing_happened()

    def test_without_a_price_nothing_is_made(self, tab):
        Price.objects.all().delete()
        response = press(tab)
        assert response.status_code == 422
        assert "no price" in response.content.decode()
        assert nothing_happened()

    def test_uploads_come_back_as_references(self, tab):
        file = SimpleUploadedFile("picture.png", image_file(), "image/png")
        response = press(tab, references=[file], rights="licensed", licence="Agency, order 7")
        reference = Reference.objects.get()
        assert (reference.rights, reference.licence) == ("licensed", "Agency, order 7")
        page = tab.get(response["Location"]).content.decode()
        assert f'name="references" value="{reference.uuid}"' in page

    def test_a_press_without_a_token_is_refused(self, alice):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(alice)
        assert press(strict).status_code == 403
        assert nothing_happened()

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"prompt": ""}, "Write what the images should show."),
            ({"prompt": "x" * 20_000}, "20000 characters"),
            ({"prompt": "a\0b"}, "character"),
            ({"engine": "nobody/nothing"}, "Choose another"),
            ({"num_images": "99"}, "Images: Choose a number from 1 to"),
            ({"aspect_ratio": "7:5"}, "Format: This engine offers"),
            ({"references": "x"}, "References: One of the references no longer exists"),
            ({"idempotency_key": "x"}, "press again"),
        ],
    )
    def test_bad_input_comes_back_with_a_message_and_charges_nothing(self, tab, given, words):
        response = press(tab, **given)
        assert response.status_code == 422
        assert words in response.content.decode()
        assert nothing_happened()

    @pytest.mark.parametrize("field", ["prompt", "num_images", "aspect_ratio"])
    def test_a_message_belongs_to_its_control(self, tab, field):
        page = press(tab, **{field: ""}).content.decode()
        assert f'aria-describedby="id_{field}_error"' in page
        assert f'id="id_{field}_error"' in page
        assert 'aria-invalid="true"' in page

    def test_a_prompt_of_megabytes_is_not_even_read(self, tab):
        assert press(tab, prompt="x" * 3_000_000).status_code == 400
        assert nothing_happened()

    def test_an_option_that_the_engine_lacks_is_refused(self, tab, apixo_key):
        response = press(tab, engine=APIXO, seed="7")
        assert response.status_code == 422
        assert "Seed: This engine does not have this option" in response.content.decode()
        assert nothing_happened()

    def test_someone_elses_image_is_not_found(self, tab, charlie):
        secret = make_finished_run(charlie).images.get()
        response = press(tab, references=str(secret.uuid))
        assert "no longer exists" in response.content.decode()
        assert not Run.objects.filter(user__email="alice@example.com").exists()

    def test_a_file_that_is_no_image(self, tab):
        file = SimpleUploadedFile("notes.txt", b"hello", "image/png")
        response = press(tab, references=[file], rights="own")
        assert "notes.txt" in response.content.decode()
        assert nothing_happened()


class TestBeginWith:
    def test_a_run_fills_the_composer(self, tab, bob):
        campaign = Campaign.objects.create(team=bob.team, name="Autumn", created_by=bob)
        run = make_finished_run(bob, prompt="a red fox", campaign=campaign)
        page = tab.get(f"/?reuse={run.uuid}").content.decode()
        assert "a red fox</textarea>" in page
        assert 'value="Autumn"' in page

    def test_the_record_of_the_next_run_names_the_run_it_was_made_from(self, tab, bob):
        parent = make_finished_run(bob, prompt="a red fox").uuid
        page = tab.get(f"/?reuse={parent}").content.decode()
        [mark] = re.findall(r'name="parent" value="([^"]*)"', page)
        changed = tab.post(reverse("composer"), fields(parent=mark), headers=HTMX)
        assert mark in changed.content.decode()
        press(tab, prompt="a redder fox", parent=mark)
        record = Record.objects.get(event=Event.RUN_SUBMITTED)
        assert record.facts["parent"] == str(parent)

    def test_a_mark_of_somebody_else_names_no_run(self, tab, bob):
        run = make_finished_run(bob)
        for mark in (mark_of(run.uuid, user=bob), str(run.uuid), "x"):
            press(tab, prompt="a red fox", parent=mark)
        facts = [each.facts for each in Record.objects.filter(event=Event.RUN_SUBMITTED)]
        assert len(facts) == 3
        assert not any("parent" in each for each in facts)

    def test_an_image_becomes_a_reference(self, tab, bob):
        image = make_finished_run(bob).images.get()
        page = tab.get(f"/?reference={image.uuid}").content.decode()
        assert f'name="references" value="{image.uuid}"' in page

    @pytest.mark.parametrize("name", ["reuse", "reference"])
    def test_strangers_things_and_nonsense_fill_nothing(self, tab, charlie, name):
        secret = make_finished_run(charlie, prompt="secret")
        known = {"reuse": secret.uuid, "reference": secret.images.get().uuid}[name]
        for value in (known, uuid.uuid4(), "x", "%00"):
            page = tab.get(f"/?{name}={value}").content.decode()
            assert "secret" not in page
            assert 'name="references" value=' not in page

    def test_a_run_of_an_engine_that_is_gone_says_so(self, tab, alice):
        run = make_run(alice, engine="gone/away", prompt="a red fox")
        page = tab.get(f"/?reuse={run.uuid}").content.decode()
        assert "a red fox</textarea>" in page
        assert "Engine: This studio does not have this engine." in page


class TestComposer:
    def change(self, client, **given):
        return client.post(reverse("composer"), fields(**given), headers=HTMX)

    def test_a_change_brings_the_new_price_in_one_request(self, tab):
        text = self.change(tab, num_images="3").content.decode()
        assert "6 credits" in text
        assert 'id="composer"' in text
        assert "<html" not in text
        assert nothing_happened()

    def test_what_was_written_stays(self, tab):
        assert "half a sent</textarea>" in self.change(tab, prompt="half a sent").content.decode()

    def test_what_no_longer_fits_is_said(self, tab, apixo_key):
        text = self.change(tab, engine=APIXO, seed="7").content.decode()
        assert "Seed: This engine does not have this option" in text
        assert 'name="seed"' not in text

    def test_the_key_stays_so_that_a_double_press_is_still_one(self, tab):
        key = str(uuid.uuid4())
        assert f'value="{key}"' in self.change(tab, idempotency_key=key).content.decode()

    def test_a_reference_can_be_taken_away(self, tab, alice):
        first, second = make_reference(alice), make_reference(alice)
        both = [str(first.uuid), str(second.uuid)]
        text = self.change(tab, references=both, remove=both[0]).content.decode()
        assert both[0] not in text
        assert f'name="references" value="{both[1]}"' in text

    def test_files_in_the_browser_are_counted_and_stay_there(self, tab):
        text = self.change(tab, references=[FILE_LEFT_OUT] * 2).content.decode()
        assert '<span class="chip-note">2</span>' in text
        assert '<span class="chip-note">rights needed</span>' in text
        text = self.change(tab, references=[FILE_LEFT_OUT], rights="licensed").content.decode()
        assert 'name="licence"' in text
        assert "rights needed" not in text

    def test_without_scripts_it_is_the_page(self, tab):
        response = tab.post(reverse("composer"), fields(num_images="3"))
        assert response.status_code == 200
        assert "<html" in response.content.decode()
        assert "6 credits" in response.content.decode()
        assert nothing_happened()

    def test_options_can_come_in_the_address(self, tab):
        response = tab.get(reverse("composer"), {"engine": DEMO, "num_images": 3}, headers=HTMX)
        assert "6 credits" in response.content.decode()

    def test_needs_a_person(self, client):
        assert self.change(client).status_code == 302


class TestOlder:
    def test_goes_on_below_as_page_and_as_fragment(self, tab, alice, monkeypatch):
        monkeypatch.setattr(feed, "PAGE_SIZE", 1)
        old, new = make_finished_run(alice), make_finished_run(alice)
        first = tab.get("/").content.decode()
        link = re.search(r'href="(/feed/[^"]+)"', first)[1].replace("&amp;", "&")
        assert str(old.uuid) not in first
        for headers, is_page in (({}, True), (HTMX, False)):
            text = tab.get(link, headers=headers).content.decode()
            assert f'id="run-{old.uuid}"' in text
            assert f'id="run-{new.uuid}"' not in text
            assert ("<html" in text) is is_page


class TestTryAgain:
    def failed(self, user):
        run = make_run(user, wanted=1)
        make_generation(run, "failed", error_code="timeout")
        return run

    def again(self, client, run, headers=HTMX):
        return client.post(reverse("run-try-again", args=[run.uuid]), headers=headers)

    def test_asks_for_what_is_missing_and_polls_again(self, tab, alice):
        run = self.failed(alice)
        text = self.again(tab, run).content.decode()
        assert f'id="run-{run.uuid}" data-status="pending"' in text
        assert "every 2s" in text
        assert ledger.balance(alice).reserved == 2

    def test_without_scripts_it_leads_back(self, tab, alice):
        response = self.again(tab, self.failed(alice), headers={})
        assert (response.status_code, response["Location"]) == (303, "/")

    def test_says_why_it_cannot(self, tab, alice):
        alice.quota = 1
        alice.save()
        run = self.failed(alice)
        response = self.again(tab, run)
        assert response.status_code == 422
        assert "This needs 2 credits" in response.content.decode()
        page = tab.get(self.again(tab, run, headers={})["Location"]).content.decode()
        assert "This needs 2 credits" in page

    @pytest.mark.parametrize("who", ["bob", "charlie"])
    def test_is_for_nobody_else(self, request, alice, sign_in, who):
        run = self.failed(alice)
        client = sign_in(request.getfixturevalue(who))
        assert self.again(client, run).status_code == 404
        assert ledger.balance(alice).reserved == 0

    def test_a_get_request_is_refused(self, tab, alice):
        path = reverse("run-try-again", args=[self.failed(alice).uuid])
        assert tab.get(path).status_code == 405

    def test_needs_the_right_to_make_images(self, team, sign_in):
        reviewer = make_user(team=team, groups=[REVIEWERS])
        assert self.again(sign_in(reviewer), self.failed(reviewer)).status_code == 403


class TestCancel:
    def cancel(self, client, run, headers=HTMX):
        generation = run.generations.get()
        path = reverse("generation-cancel", args=[generation.uuid])
        return client.post(path, headers=headers)

    def test_returns_the_run_as_it_is_now(self, tab, alice):
        run = ask(alice, num_images=1)
        text = self.cancel(tab, run).content.decode()
        assert f'id="run-{run.uuid}" data-status="cancelled"' in text
        assert "Your 2 credits are back." in text
        assert ledger.balance(alice).reserved == 0

    def test_without_scripts_it_leads_back(self, tab, alice):
        response = self.cancel(tab, ask(alice, num_images=1), headers={})
        assert (response.status_code, response["Location"]) == (303, "/")

    def test_too_late_shows_the_current_state(self, tab, alice):
        run = make_finished_run(alice)
        acts = Record.objects.exclude(event=Event.ALLOWANCE_OPENED)
        records = acts.count()
        assert 'data-status="succeeded"' in self.cancel(tab, run).content.decode()
        assert acts.count() == records

    @pytest.mark.parametrize("who", ["bob", "charlie"])
    def test_is_for_nobody_else(self, request, alice, sign_in, who):
        run = ask(alice, num_images=1)
        assert self.cancel(sign_in(request.getfixturevalue(who)), run).status_code == 404
        run.refresh_from_db()
        assert run.status == "pending"
