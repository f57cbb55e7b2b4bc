"""The format “as the first reference”: in requests, the composer, frames and remedies."""

import json

import pytest

from generations import submission
from generations.forms import ComposeForm
from generations.providers import registry
from generations.providers.capabilities import AS_REFERENCE, CUSTOM, ReferenceDelivery
from generations.providers.errors import UnsupportedOption
from generations.providers.types import GenerationRequest, ReferenceInput
from generations.providers.validation import validate
from generations.reading.frames import FrameState, frames_of, shape_of_frames
from generations.reading.frames.frame import Frame
from generations.reading.shapes import format_asked, shape_asked
from generations.submission.remedies import _Facts, _plan
from tests.generations.asking import request
from tests.generations.factories import make_reference
from tests.generations.stub import STUB, set_up_stub
from tests.generations.test_forms import values

pytestmark = pytest.mark.django_db

REFERENCE = ReferenceInput("0" * 64, 1500, 1000, link="https://studio.example/r/1.jpg")
ENGINES = {
    "apiframe/seedream-4-5": lambda body: body["seedreamParams"]["aspect_ratio"],
    "replicate/seedream-4-5": lambda body: body["input"]["aspect_ratio"],
}


@pytest.fixture
def stub(monkeypatch, settings):
    return set_up_stub(
        monkeypatch,
        settings,
        max_references=2,
        matches_reference=True,
        reference_delivery=ReferenceDelivery.INLINE,
    )


def asked(engine, **more):
    given = {"resolution": "2K", "aspect_ratio": AS_REFERENCE, "references": (REFERENCE,)} | more
    return GenerationRequest(engine=engine, prompt="a fox", **given)


def ratios(form):
    return [value for value, _label in form.fields["aspect_ratio"].choices]


class TestRequests:
    @pytest.mark.parametrize("name", ENGINES)
    def test_the_provider_gets_its_value_for_it_and_the_tier_sets_the_price(self, name):
        engine = registry.engine(name)
        validate(engine, asked(name))
        adapter = registry.adapter_class(engine.provider)("https://api.example", "key")
        assert ENGINES[name](json.loads(adapter.build_submit(asked(name)).body)) == (
            "match_input_image"
        )
        assert adapter.tier(asked(name)) == "2K"

    def test_it_needs_a_reference(self):
        name = next(iter(ENGINES))
        with pytest.raises(UnsupportedOption, match="needs a reference") as refused:
            validate(registry.engine(name), asked(name, references=()))
        assert refused.value.field == "aspect_ratio"

    @pytest.mark.parametrize(
        ("name", "resolution"), [("fal/seedream-4-5", "2K"), (next(iter(ENGINES)), CUSTOM)]
    )
    def test_it_is_refused_where_it_does_not_exist(self, name, resolution):
        size = {"width": 2048, "height": 2048} if resolution == CUSTOM else {}
        with pytest.raises(UnsupportedOption) as refused:
            validate(registry.engine(name), asked(name, resolution=resolution, **size))
        assert refused.value.field == "aspect_ratio"

    def test_its_size_is_unknown_before_the_image_arrives(self):
        name = next(iter(ENGINES))
        with pytest.raises(KeyError):
            registry.engine(name).capabilities.size(asked(name))


class TestComposer:
    def test_it_is_offered_only_with_a_reference(self, stub, alice):
        without = ComposeForm(initial={"engine": STUB}, user=alice)
        assert AS_REFERENCE not in ratios(without)
        given = {"engine": STUB, "references": [str(make_reference(alice).uuid)]}
        form = ComposeForm(initial=given, user=alice)
        assert dict(form.fields["aspect_ratio"].choices)[AS_REFERENCE] == "As the first reference"
        assert ratios(form)[0] == "1:1"
        ids = {each.fields["aspect_ratio"].widget.attrs["id"] for each in (form, without)}
        assert len(ids) == 2

    def test_chosen_it_is_priced_and_asked_for(self, stub, alice):
        form = ComposeForm(
            values(
                engine=STUB,
                aspect_ratio=AS_REFERENCE,
                num_images="2",
                references=[str(make_reference(alice).uuid)],
            ),
            user=alice,
        )
        assert form.is_valid(), form.errors
        assert form.draft.price == 6
        assert form.to_request().options["aspect_ratio"] == AS_REFERENCE

    def test_without_a_reference_it_is_refused_with_the_reason(self, stub, alice):
        form = ComposeForm(values(engine=STUB, aspect_ratio=AS_REFERENCE), user=alice)
        assert "Choose one of them" in str(form.errors["aspect_ratio"])


class TestFrames:
    OPTIONS = {"resolution": "2K", "aspect_ratio": AS_REFERENCE}

    def test_the_format_has_a_name(self):
        assert format_asked(self.OPTIONS) == "as the first reference"

    def test_frames_are_square_until_the_first_image_arrives(self, stub, alice):
        asking = request(STUB, 2, aspect_ratio=AS_REFERENCE, references=[make_reference(alice)])
        run = submission.submit(alice, asking)
        frames = frames_of([run], viewer=alice)[run.pk]
        otherwise = shape_asked(run.options)
        assert shape_of_frames(frames, otherwise) == "r11"
        came = Frame(FrameState.DONE, "image", width=1248, height=832)
        assert shape_of_frames([came, frames[1]], otherwise) == "r32"


class TestRemedies:
    @pytest.mark.parametrize(
        ("remedy", "changed"),
        [
            ("lower-resolution", {"resolution": "2K", "aspect_ratio": AS_REFERENCE}),
            ("without-references", {"resolution": "4K", "aspect_ratio": "1:1"}),
        ],
    )
    def test_remedies_keep_the_format_only_if_the_reference_stays(
        self, stub, alice, remedy, changed
    ):
        asking = request(
            STUB,
            1,
            resolution="4K",
            aspect_ratio=AS_REFERENCE,
            references=[make_reference(alice)],
        )
        run = submission.submit(alice, asking)
        run.refresh_from_db()
        plan = _plan(run, remedy, stub.capabilities, _Facts(references=1, most_at_a_time=1))
        assert {name: plan.options[name] for name in changed} == changed
