"""No engine is asked for what it can't do, and the refusal names the field."""

from dataclasses import replace

import pytest

from generations.providers.capabilities import (
    CUSTOM,
    Capabilities,
    CustomSize,
    Engine,
    NumberRange,
    ReferenceDelivery,
)
from generations.providers.errors import UnsupportedOption
from generations.providers.types import GenerationRequest, Mode, ReferenceInput
from generations.providers.validation import validate

SIZES = {"2K": {"1:1": (2048, 2048), "16:9": (2848, 1600)}, "4K": {"1:1": (4096, 4096)}}
POOR = Capabilities(prompt_limit=20, max_images=2, sizes=SIZES)
RICH = Capabilities(
    prompt_limit=20,
    max_images=4,
    sizes=SIZES,
    max_references=2,
    reference_delivery=ReferenceDelivery.LINK,
    negative_prompt=True,
    seed=NumberRange(-1, 100),
    guidance_scale=NumberRange(1, 10, step=0.5),
    enhance_prompt=True,
    images_per_sequence=4,
    output_formats=("jpg", "png"),
)
REFERENCE = ReferenceInput(sha256="0" * 64, width=64, height=64)
PLAIN = GenerationRequest(
    engine="test/engine", prompt="a red fox", resolution="2K", aspect_ratio="1:1"
)
EVERYTHING = replace(
    PLAIN,
    prompt="x" * 20,
    num_images=4,
    negative_prompt="blur",
    seed=-1,
    guidance_scale=10.0,
    enhance_prompt=False,
    sequential=True,
    output_format="png",
    references=(REFERENCE, REFERENCE),
)


def engine(capabilities):
    return Engine("test/engine", "Test", "engine", capabilities, ())


def refused(capabilities, request, **more):
    with pytest.raises(UnsupportedOption) as raised:
        validate(engine(capabilities), request, **more)
    assert str(raised.value)
    return raised.value


def test_what_an_engine_can_do_is_accepted():
    validate(engine(POOR), PLAIN)
    validate(engine(RICH), PLAIN)
    validate(engine(RICH), EVERYTHING)


@pytest.mark.parametrize(
    "changes",
    [
        {"negative_prompt": "blur"},
        {"seed": 0},
        {"guidance_scale": 1.0},
        {"enhance_prompt": False},
        {"sequential": True},
        {"output_format": "png"},
        {"references": (REFERENCE,)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_option_that_an_engine_lacks_is_refused(changes):
    assert refused(POOR, replace(PLAIN, **changes)).field == next(iter(changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "test/other"},
        {"prompt": ""},
        {"prompt": " \n\t"},
        {"prompt": "x" * 21},
        {"prompt": "a\0b"},
        {"prompt": "a\ud800b"},
        {"negative_prompt": "x" * 21},
        {"negative_prompt": "\udfff"},
        {"num_images": 0},
        {"num_images": -1},
        {"num_images": 5},
        {"guidance_scale": 5.3},
        {"resolution": ""},
        {"resolution": "1K"},
        {"aspect_ratio": ""},
        {"aspect_ratio": "5:7"},
        {"seed": -2},
        {"seed": 101},
        {"guidance_scale": 0.5},
        {"guidance_scale": float("nan")},
        {"guidance_scale": float("inf")},
        {"output_format": "webp"},
        {"references": (REFERENCE,) * 3},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(changes):
    assert refused(RICH, replace(EVERYTHING, **changes)).field == next(iter(changes))


def test_a_format_of_one_resolution_is_refused_at_another():
    wide = replace(PLAIN, resolution="4K", aspect_ratio="16:9")
    assert refused(RICH, wide).field == "aspect_ratio"


def test_an_engine_without_sizes_takes_none():
    sizeless = replace(POOR, sizes={})
    validate(engine(sizeless), replace(PLAIN, resolution="", aspect_ratio=""))
    assert refused(sizeless, PLAIN).field == "resolution"


def test_the_refusal_of_a_long_text_says_how_much_to_cut():
    message = refused(RICH, replace(PLAIN, prompt="字" * 23)).message
    assert message == (
        "The text has 23 characters and this engine takes at most 20. Shorten it by 3."
    )


def test_references_by_link_need_a_public_address():
    request = replace(PLAIN, references=(REFERENCE,))
    error = refused(RICH, request, links_possible=False)
    assert error.field == "references"
    assert "PUBLIC_URL" in error.message
    inline = replace(RICH, reference_delivery=ReferenceDelivery.INLINE)
    validate(engine(inline), request, links_possible=False)


class TestCustomSizes:
    LIMITS = CustomSize(min_side=1024, max_side=4096, min_pixels=3_686_400, max_ratio=3)
    ABLE = replace(POOR, custom_size=LIMITS)
    ASKED = replace(PLAIN, resolution=CUSTOM, aspect_ratio="", width=3000, height=2000)

    def test_a_size_within_the_limits_is_accepted(self):
        validate(engine(self.ABLE), self.ASKED)
        assert self.ABLE.size(self.ASKED) == (3000, 2000)

    @pytest.mark.parametrize(
        ("width", "height", "fields"),
        [
            (None, 2000, ("width",)),
            (3000, None, ("height",)),
            (1000, 4000, ("width",)),
            (4097, 2000, ("width",)),
            (1024, 1024, ("width", "height")),
            (4096, 1300, ("width", "height")),
        ],
    )
    def test_a_size_outside_of_them_is_refused_beside_its_fields(self, width, height, fields):
        wrong = refused(self.ABLE, replace(self.ASKED, width=width, height=height))
        assert (wrong.field, wrong.fields) == (fields[0], fields)

    def test_an_engine_without_custom_sizes_refuses_them(self):
        assert refused(POOR, self.ASKED).field == "resolution"

    def test_numbers_beside_a_tier_are_refused_and_not_dropped(self):
        assert refused(self.ABLE, replace(PLAIN, width=2048, height=2048)).field == "width"


def test_an_engine_that_changes_images_needs_one():
    editing = replace(RICH, min_references=1)
    assert refused(editing, PLAIN).field == "references"
    validate(engine(editing), replace(PLAIN, references=(REFERENCE,)))
    assert editing.modes == (Mode.IMAGE_TO_IMAGE,)


def test_references_and_images_of_one_request_have_a_limit_together():
    few = replace(RICH, max_images_and_references=4, images_per_request=4)
    two = (REFERENCE, REFERENCE)
    validate(engine(few), replace(PLAIN, references=two, num_images=2))
    assert refused(few, replace(PLAIN, references=two, num_images=3)).field == "num_images"
    # If a request makes one image, a run of several images is several requests.
    one = replace(few, images_per_request=1)
    validate(engine(one), replace(PLAIN, references=two, num_images=4))
    together = replace(PLAIN, references=two, num_images=4, sequential=True)
    assert refused(one, together).field == "num_images"
