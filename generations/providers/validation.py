"""What an engine can do, held against what is asked of it: nothing is dropped in silence."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from generations.providers.errors import UnsupportedOption
from generations.providers.types import (
    CUSTOM,
    Capabilities,
    CustomSize,
    Engine,
    GenerationRequest,
    NumberRange,
    ReferenceDelivery,
)


def validate(engine: Engine, request: GenerationRequest, *, links_possible: bool = True) -> None:
    """Raise `UnsupportedOption`, naming the form field, for the first thing `engine` can't do.

    `request.num_images` may be the count of a whole run. `links_possible` says whether references
    can be given as links, which takes a public address of the studio.
    """
    if request.engine != engine.name:
        raise UnsupportedOption("engine", _("This engine does not exist. Choose another one."))
    able = engine.capabilities
    _check_texts(able, request)
    _check_count(able, request)
    _check_size(able, request)
    _check_number("seed", able.seed, request.seed)
    _check_number("guidance_scale", able.guidance_scale, request.guidance_scale)
    _check_switches(able, request)
    _check_references(able, request, links_possible=links_possible)


def _check_texts(able: Capabilities, request: GenerationRequest) -> None:
    if not request.prompt.strip():
        raise UnsupportedOption("prompt", _("Write what the images should show."))
    _check_text("prompt", request.prompt, able.prompt_limit)
    if not request.negative_prompt:
        return
    if not able.negative_prompt:
        raise _lacking(
            "negative_prompt", _("This engine takes no negative prompt. Leave it empty.")
        )
    _check_text("negative_prompt", request.negative_prompt, able.prompt_limit)


def _check_text(field: str, text: str, limit: int) -> None:
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
        raise UnsupportedOption(
            field, _("The text has a character that can't be sent. Type it again without it.")
        )
    if len(text) > limit:
        raise UnsupportedOption(
            field,
            _(
                "The text has %(length)d characters and this engine takes %(limit)d. "
                "Shorten it by %(excess)d."
            )
            % {"length": len(text), "limit": limit, "excess": len(text) - limit},
        )


def _check_count(able: Capabilities, request: GenerationRequest) -> None:
    # Where there are no sets, that is what is refused, and not the number.
    sequential = request.sequential and able.sequential
    most = able.most_images(sequential=sequential)
    if not 1 <= request.num_images <= most:
        raise UnsupportedOption(
            "num_images",
            _("This engine makes 1 to %(most)d images at a time. Choose a number in between.")
            % {"most": most},
        )
    if not request.references or able.max_pictures is None:
        return
    in_one = min(request.num_images, able.per_request(sequential=sequential))
    if in_one + len(request.references) > able.max_pictures:
        raise UnsupportedOption(
            "num_images",
            _(
                "References and images together can be %(most)d at this engine. "
                "Ask for fewer images or remove references."
            )
            % {"most": able.max_pictures},
        )


def _check_size(able: Capabilities, request: GenerationRequest) -> None:
    _check_choice(
        "resolution",
        request.resolution,
        able.resolutions,
        _("This engine makes images at %(choices)s. Choose one of them."),
    )
    _check_custom_size(able.custom_size, request)
    _check_choice(
        "aspect_ratio",
        request.aspect_ratio,
        able.aspect_ratios(request.resolution),
        _("This engine makes images in the formats %(choices)s. Choose one of them."),
    )


def _check_custom_size(limits: CustomSize | None, request: GenerationRequest) -> None:
    if request.resolution != CUSTOM:
        for field in ("width", "height"):
            if getattr(request, field) is not None:
                raise _lacking(
                    field, _("Width and height go with the resolution “custom”. Leave them empty.")
                )
        return
    width, height = request.width, request.height
    if limits and not (width and height and limits.allows(width, height)):
        raise UnsupportedOption("width" if not width else "height", size_in_words(limits))


def size_in_words(limits: CustomSize) -> str:
    """Which sizes `limits` allow, as advice."""
    sides = _(
        "Width and height may be %(least)d to %(most)d pixels, at most %(ratio)g times as long "
        "as the other."
    ) % {"least": limits.min_side, "most": limits.max_side, "ratio": limits.max_ratio}
    if not limits.max_pixels:
        return sides
    pixels = (
        _("Together they make %(least)s to %(most)s million pixels.")
        if limits.min_pixels
        else _("Together they make at most %(most)s million pixels.")
    )
    least, most = f"{limits.min_pixels / 1e6:.2f}", f"{limits.max_pixels / 1e6:.2f}"
    return f"{sides} {pixels % {'least': least, 'most': most}}"


def _check_choice(field: str, value: str, choices: Sequence[str], message: str) -> None:
    if value not in (choices or ("",)):
        raise UnsupportedOption(field, message % {"choices": ", ".join(choices)})


def _check_number(field: str, limits: NumberRange | None, value: float | None) -> None:
    if value is None:
        return
    if limits is None:
        raise _lacking(field)
    # Written so that a value which is no number (NaN) is refused too.
    if not limits.minimum <= value <= limits.maximum:
        raise UnsupportedOption(
            field,
            _("Choose a number from %(minimum)g to %(maximum)g, or leave it empty.")
            % {"minimum": limits.minimum, "maximum": limits.maximum},
        )
    steps = (value - limits.minimum) / limits.step
    if abs(steps - round(steps)) > 1e-6:
        raise UnsupportedOption(
            field,
            _("Choose a number in steps of %(step)g, from %(minimum)g, or leave it empty.")
            % {"step": limits.step, "minimum": limits.minimum},
        )


def _check_switches(able: Capabilities, request: GenerationRequest) -> None:
    if request.sequential and not able.sequential:
        raise _lacking("sequential", _("This engine makes no connected sets. Switch the set off."))
    for switch in ("enhance_prompt", "use_pre_llm"):
        if getattr(request, switch) is not None and not getattr(able, switch):
            raise _lacking(switch)
    if request.output_format is None:
        return
    if not able.output_formats:
        raise _lacking("output_format")
    _check_choice(
        "output_format",
        request.output_format,
        able.output_formats,
        _("This engine gives files as %(choices)s. Choose one of them."),
    )


def _check_references(
    able: Capabilities, request: GenerationRequest, *, links_possible: bool
) -> None:
    if len(request.references) < able.min_references:
        raise UnsupportedOption(
            "references", _("This engine changes pictures. Give it one as a reference.")
        )
    if not request.references:
        return
    if not able.max_references:
        raise _lacking("references", _("This engine takes no references. Remove them."))
    if able.reference_delivery is ReferenceDelivery.LINK and not links_possible:
        raise UnsupportedOption(
            "references",
            _(
                "This engine fetches references by link, and this studio has no public address. "
                "Remove the references, or ask an admin to set PUBLIC_URL."
            ),
        )
    if len(request.references) > able.max_references:
        raise UnsupportedOption(
            "references",
            ngettext(
                "This engine takes %(most)d reference. Remove the others.",
                "This engine takes at most %(most)d references. Remove some.",
                able.max_references,
            )
            % {"most": able.max_references},
        )


def _lacking(field: str, message: str = "") -> UnsupportedOption:
    return UnsupportedOption(
        field, message or _("This engine does not have this option. Leave it empty.")
    )
