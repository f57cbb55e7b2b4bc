"""The composer shows the fields that the engine has, and refuses the rest beside its field."""

import re
import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from generations import submission
from generations.forms import ComposeForm
from generations.forms import composer as composers
from generations.forms.fields import FILE_LEFT_OUT
from generations.models import ProviderAccount, Run
from generations.providers.capabilities import CustomSize, NumberRange, ReferenceDelivery
from generations.submission import SubmissionRefused
from tests.generations.asking import APIXO, DEMO, ask
from tests.generations.factories import make_finished_run, make_reference
from tests.generations.stub import STUB, set_up_stub
from tests.generations.test_forms import errors_of, sent, values

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
CUSTOM_SIZE = CustomSize(1024, 4096, min_pixels=2_000_000, max_pixels=16_777_216, max_ratio=3)
SETS = {"images_per_sequence": 6, "max_images": 4}


@pytest.fixture
def stub(monkeypatch, settings):
    """`stub(**capabilities)` sets up the stub engine with these capabilities."""

    def stub(**able):
        return set_up_stub(monkeypatch, settings, **able)

    return stub


def stub_sent(user, *files, **given):
    return sent(user, *files, **{"engine": STUB, "num_images": "1", "aspect_ratio": "1:1"} | given)


def custom(**given):
    """The values of a form with a custom size."""
    given = {"engine": STUB, "num_images": "1", "resolution": "custom"} | given
    fields = values(**given)
    if "aspect_ratio" not in given:
        del fields["aspect_ratio"]
    return fields


def valid(form):
    """The request of `form`, which must be valid."""
    assert form.is_valid(), form.errors
    return form.to_request()


def fitted(user, **given):
    given = {"engine": STUB, "aspect_ratio": "1:1"} | given
    return ComposeForm.fitting(values(**given), user=user)


class TestCustomSize:
    @pytest.fixture(autouse=True)
    def _engine(self, stub):
        stub(custom_size=CUSTOM_SIZE)

    def test_replaces_the_format(self, alice):
        form = ComposeForm(custom(width="1600", height="1500"), user=alice)
        assert form.is_valid(), form.errors
        options = form.to_request().options
        assert (options["resolution"], options["width"], options["height"]) == (
            "custom",
            1600,
            1500,
        )
        assert not options["aspect_ratio"]
        assert "aspect_ratio" not in form.fields

    def test_other_resolutions_have_a_format(self, alice):
        form = fitted(alice, resolution="2K")
        assert "aspect_ratio" in form.fields
        assert "width" not in form.fields

    def test_starts_with_the_size_of_the_last_format(self, alice):
        form = fitted(alice, resolution="custom", aspect_ratio="16:9")
        assert (form["width"].value(), form["height"].value()) == (2848, 1600)
        assert form.notes == []

    def test_what_was_typed_stays(self, alice):
        form = ComposeForm.fitting(custom(width="1500", height="1700"), user=alice)
        assert (form["width"].value(), form["height"].value()) == (1500, 1700)

    def test_going_back_to_a_tier_is_not_noted(self, alice):
        form = fitted(alice, resolution="2K", width="1500", height="1700")
        assert form.notes == []

    @pytest.mark.parametrize(
        ("width", "height", "field"),
        [
            ("10", "2048", "width"),
            ("2048", "9999", "height"),
            ("", "2048", "width"),
            ("2048", "", "height"),
            ("x", "2048", "width"),
            ("1024.5", "2048", "width"),
        ],
    )
    def test_beyond_its_limits_is_refused_beside_the_field(self, alice, width, height, field):
        errors = errors_of(ComposeForm(custom(width=width, height=height), user=alice))
        assert set(errors) == {field}
        assert "1024 to 4096 pixels" in errors[field]
        assert not Run.objects.exists()

    @pytest.mark.parametrize(
        ("width", "height", "why"),
        [
            ("4096", "1024", "4096×1024 is too long and thin."),
            ("1100", "1100", "1100×1100 has too few pixels."),
        ],
    )
    def test_an_error_of_both_sides_marks_both_and_is_shown_once(self, alice, width, height, why):
        form = ComposeForm(custom(width=width, height=height), user=alice)
        assert set(errors_of(form)) == {"width", "height"}
        [told] = composers.composer_of(form, balance=ledger.balance(alice)).errors
        assert told.label == "Width, Height"
        assert told.errors[0].startswith(why)
        assert "1024 to 4096 pixels" in told.errors[0]

    def test_a_size_is_refused_at_a_tier(self, alice):
        errors = errors_of(stub_sent(alice, resolution="2K", width="2048", height="2048"))
        assert "Width: It can't be combined with" in errors["__all__"]

    def test_a_format_is_refused_with_a_size(self, alice):
        given = custom(width="2048", height="2048", aspect_ratio="1:1")
        assert (
            "Format: It can't be combined with"
            in errors_of(ComposeForm(given, user=alice))["__all__"]
        )

    def test_an_engine_without_custom_sizes_refuses_it(self, alice):
        errors = errors_of(sent(alice, resolution="custom", width="2048", height="2048"))
        assert "2K" in errors["resolution"]

    def test_changing_to_an_engine_without_custom_sizes_is_noted(self, alice):
        given = custom(width="2048", height="2048", engine=DEMO)
        notes = [note.partition(":")[0] for note in ComposeForm.fitting(given, user=alice).notes]
        assert notes == ["Resolution", "Width", "Height"]

    def test_the_page_names_the_limits_beside_its_two_fields(self, alice, sign_in):
        page = sign_in(alice).post(
            reverse("composer"), {"engine": STUB, "resolution": "custom"}, headers=HTMX
        )
        text = page.content.decode()
        assert re.search(r'<input type="number" name="width"[^>]*min="1024"', text)
        assert re.search(r'<input type="number" name="height"[^>]*max="4096"', text)
        assert re.search(r'id="id_width_helptext">Width and height may be 1024 to 4096', text)
        assert 'name="aspect_ratio"' not in text

    def test_a_run_with_a_custom_size_fills_the_composer(self, alice):
        run = submission.submit(
            alice, valid(ComposeForm(custom(width="1500", height="1700"), user=alice))
        )
        form = composers.prefilled_form(alice, run=str(run.uuid))
        assert (form["width"].value(), form.draft.resolution, form.notes) == (1500, "custom", [])


class TestSets:
    def choices(self, form):
        return [count for count, _label in form.fields["num_images"].choices]

    def test_the_switch_changes_the_possible_counts(self, alice, stub):
        stub(**SETS)
        assert self.choices(fitted(alice)) == [1, 2, 3, 4]
        assert self.choices(fitted(alice, sequential="on")) == [1, 2, 3, 4, 5, 6]

    def test_the_switch_reloads_the_composer(self, alice, stub):
        stub(**SETS)
        assert fitted(alice).fields["sequential"].widget.attrs["class"] == "prices"

    def test_references_reduce_the_possible_counts(self, alice, stub):
        stub(
            **SETS,
            max_images_and_references=7,
            max_references=6,
            reference_delivery=ReferenceDelivery.INLINE,
        )
        form = fitted(alice, sequential="on", references=[FILE_LEFT_OUT] * 3)
        assert self.choices(form) == [1, 2, 3, 4]
        form = fitted(alice, sequential="on", references=[FILE_LEFT_OUT] * 3, num_images="6")
        assert "This engine allows 7 references and images together" in form.notes[0]
        assert self.choices(fitted(alice, references=[FILE_LEFT_OUT] * 6)) == [1, 2, 3, 4]

    def test_a_count_that_needs_a_set_is_refused_without_one(self, alice, stub):
        stub(**SETS)
        assert stub_sent(alice, num_images="6", sequential="on").is_valid()
        assert "from 1 to 4" in errors_of(stub_sent(alice, num_images="6"))["num_images"]

    def test_an_engine_without_sets_has_no_switch(self, alice, stub):
        stub()
        form = stub_sent(alice, sequential="on")
        assert "sequential" not in form.fields
        assert "does not have this option" in errors_of(form)["__all__"]


class TestReferences:
    @pytest.fixture
    def needy(self, stub):
        stub(max_references=2, min_references=1, reference_delivery=ReferenceDelivery.INLINE)

    def test_the_page_says_that_the_engine_needs_an_image(self, alice, needy, sign_in):
        page = sign_in(alice).post(reverse("composer"), {"engine": STUB}, headers=HTMX)
        text = page.content.decode()
        assert '<span class="chip-note">needed</span>' in text
        assert "This engine edits images: add one." in text

    def test_a_request_without_the_needed_image_is_refused(self, alice, needy):
        assert "Add one" in errors_of(stub_sent(alice))["references"]
        reference = make_reference(alice)
        assert stub_sent(alice, references=[str(reference.uuid)]).is_valid()

    def test_the_button_says_why_references_are_not_possible(self, alice, stub, sign_in):
        stub(max_references=2, min_references=1, reference_delivery=ReferenceDelivery.LINK)
        page = sign_in(alice).post(reverse("composer"), {"engine": STUB}, headers=HTMX)
        reason = re.search(r'id="composer-reason">([^<]*)<', page.content.decode())[1]
        assert "PUBLIC_URL" in reason


class TestHelp:
    def help_of(self, user, name):
        return fitted(user).fields[name].help_text

    def test_undocumented_sizes_are_marked_as_approximate(self, alice, stub):
        stub(exact_sizes=False)
        labels = dict(fitted(alice).fields["aspect_ratio"].choices)
        assert labels["16:9"] == "16:9 · ≈ 2848×1600"

    def test_documented_sizes_are_shown_as_exact(self, alice, stub):
        stub()
        labels = dict(fitted(alice).fields["aspect_ratio"].choices)
        assert labels["16:9"] == "16:9 · 2848×1600"

    def test_options_without_a_documented_effect_are_marked(self, alice, stub):
        stub(seed=NumberRange(0, 9), enhance_prompt=True, unproven=frozenset({"seed"}))
        assert "does not say whether the model uses it" in self.help_of(alice, "seed")
        assert "does not say" not in self.help_of(alice, "enhance_prompt")

    def test_numbers_show_range_step_and_default(self, alice, stub):
        stub(guidance_scale=NumberRange(1, 10, step=0.5, default=2.5), seed=NumberRange(0, 99))
        assert self.help_of(alice, "guidance_scale").startswith(
            "1 to 10, in steps of 0.5. Empty: 2.5."
        )
        assert self.help_of(alice, "seed").startswith("0 to 99. Empty: the engine chooses.")

    def test_advice_on_quality_is_shown_at_its_field(self, alice, stub):
        stub(guidance_scale=NumberRange(1, 10), negative_prompt=True)
        assert "over-saturated, lower it" in self.help_of(alice, "guidance_scale")
        assert "extra fingers" in self.help_of(alice, "negative_prompt")

    def test_advice_is_not_shown_without_its_field(self, alice, stub, sign_in):
        stub()
        page = sign_in(alice).post(reverse("composer"), {"engine": STUB}, headers=HTMX)
        assert "fingers" not in page.content.decode()
        assert "saturated" not in page.content.decode()

    def test_switches_have_help_too(self, alice, stub, sign_in):
        stub(use_pre_llm=True, unproven=frozenset({"use_pre_llm"}))
        page = sign_in(alice).post(reverse("composer"), {"engine": STUB}, headers=HTMX)
        text = page.content.decode()
        assert "Let a language model rewrite the prompt first" in text
        assert re.search(r'name="use_pre_llm"[^>]*aria-describedby="id_use_pre_llm_helptext"', text)
        assert 'id="id_use_pre_llm_helptext"' in text


class TestRewriting:
    def test_is_sent_if_the_engine_has_it(self, alice, stub):
        stub(use_pre_llm=True)
        form = stub_sent(alice, use_pre_llm="on")
        assert form.is_valid(), form.errors
        assert form.to_request().options["use_pre_llm"] is True

    def test_is_refused_if_the_engine_lacks_it(self, alice, stub):
        stub()
        assert "rewrite the prompt" in errors_of(stub_sent(alice, use_pre_llm="on"))["__all__"]


class TestEngines:
    def test_every_engine_names_its_provider(self, alice, stub, apixo_key):
        stub(label="Seedream 4.5")
        named = dict(ComposeForm(user=alice).fields["engine"].choices)
        assert named[STUB] == "Seedream 4.5, Stub & Co"
        assert named[APIXO] == "Seedream 4.5, APIXO"
        assert named[DEMO] == "Seedream 4.5 (demo)"

    def test_one_request_changes_the_engine(self, alice, stub, sign_in):
        stub(seed=NumberRange(0, 9), custom_size=CUSTOM_SIZE)
        given = {"engine": STUB, "prompt": "a fox", "num_images": "3", "seed": "99"}
        given["idempotency_key"] = str(uuid.uuid4())
        text = sign_in(alice).post(reverse("composer"), given, headers=HTMX).content.decode()
        assert "a fox</textarea>" in text
        assert 'value="3" selected' in text
        assert "Seed: Choose a number from 0 to 9" in text
        assert 'value="custom"' in text


class TestBlockedProvider:
    @pytest.fixture(autouse=True)
    def _blocked(self, apixo_key):
        ProviderAccount.objects.create(
            provider="apixo",
            slot=1,
            concurrency=1,
            per_minute=1,
            blocked_code="auth",
            paused_until=timezone.now() + timedelta(minutes=15),
        )

    def test_the_button_says_why(self, alice, sign_in):
        page = sign_in(alice).post(reverse("composer"), {"engine": APIXO}, headers=HTMX)
        reason = re.search(r'id="composer-reason">([^<]*)<', page.content.decode())[1]
        assert reason.startswith("The provider did not accept the studio&#x27;s key.")
        assert reason.endswith("Choose another engine; admins have been told.")

    def test_the_composer_opens_with_an_engine_that_a_key_can_serve(self, alice):
        assert ComposeForm(user=alice).draft.engine.name == DEMO
        chosen = ComposeForm(initial={"engine": APIXO}, user=alice)
        assert chosen.draft.engine.name == APIXO

    def test_a_press_is_refused_by_field(self, alice):
        with pytest.raises(SubmissionRefused) as refusal:
            ask(alice, APIXO)
        assert refusal.value.field == "engine"
        assert not Run.objects.exists()

    def test_other_engines_work(self, alice):
        assert ask(alice)

    def test_a_press_is_accepted_when_the_pause_is_over(self, alice):
        ProviderAccount.objects.update(paused_until=timezone.now())
        assert ask(alice, APIXO)

    def test_a_repeated_press_returns_the_run_that_was_accepted_before(self, alice):
        key = uuid.uuid4()
        ProviderAccount.objects.update(blocked_code="")
        run = ask(alice, APIXO, key=key)
        ProviderAccount.objects.update(blocked_code="auth")
        assert ask(alice, APIXO, key=key) == run

    def test_trying_again_is_refused(self, alice):
        run = make_finished_run(alice, engine=APIXO)
        Run.objects.filter(pk=run.pk).update(delivered=0)
        with pytest.raises(SubmissionRefused) as refusal:
            submission.try_again(run, actor=alice)
        assert refusal.value.field == "engine"
