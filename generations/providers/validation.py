"""Compares a request with what its engine can do, so that no option is ignored in silence."""

from collections.abc import Sequence

from django.utils.functional import Promise

from generations.providers import unsupported
from generations.providers.capabilities import (
    AS_REFERENCE,
    CUSTOM,
    Capabilities,
    CustomSize,
    Engine,
    NumberRange,
)
from generations.providers.errors import UnsupportedOption
from generations.providers.types import GenerationRequest


def validate(
    engine: Engine,
    request: GenerationRequest,
    *,
    references: int | None = None,
    links_possible: bool = True,
) -> None:
    """Raise `UnsupportedOption`, with the form field's name, for the first thing `engine` can't do.

    `request.num_images` may be the number for a whole run. `references` is how many references
    there will be, if `request` does not contain them yet. `links_possible` says whether references
    can be given as links, for which the studio needs a public address.
    """
    if request.engine != engine.name:
        raise _refused("engine", unsupported.NO_ENGINE)
    able = engine.capabilities
    references = len(request.references) if references is None else references
    _check_texts(able, request)
    _check_count(able, request, references)
    _check_size(able, request, references)
    _check_number("seed", able.seed, request.seed)
    _check_number("guidance_scale", able.guidance_scale, request.guidance_scale)
    _check_switches(able, request)
    _check_references(able, references, links_possible=links_possible)


def _refused(field: str, message: str | Promise, *, also: Sequence[str] = ()) -> UnsupportedOption:
    return UnsupportedOption(field, str(message), also=tuple(also))


def _check_texts(able: Capabilities, request: GenerationRequest) -> None:
    if not request.prompt.strip():
        raise _refused("prompt", unsupported.NO_PROMPT)
    _check_text("prompt", request.prompt, able.prompt_limit)
    if not request.negative_prompt:
        return
    if not able.negative_prompt:
        raise _refused("negative_prompt", unsupported.NO_OPTION)
    _check_text("negative_prompt", request.negative_prompt, able.prompt_limit)


def _check_text(field: str, text: str, limit: int) -> None:
    if unsupported.has_unfit_character(text):
        raise _refused(field, unsupported.UNFIT_CHARACTER)
    if len(text) > limit:
        raise _refused(field, unsupported.too_long(text, limit))


def _check_count(able: Capabilities, request: GenerationRequest, references: int) -> None:
    # If the engine makes no sets, `_check_switches` refuses the set, and the number counts as for a
    # run.
    sequential = request.sequential and able.sequential
    most = able.most_images(sequential=sequential, references=references)
    if not 1 <= request.num_images <= most:
        why = unsupported.number_of_images(able, sequential=sequential, references=references)
        raise _refused("num_images", why)


def _check_size(able: Capabilities, request: GenerationRequest, references: int) -> None:
    _check_choice("resolution", request.resolution, able.resolutions)
    _check_custom_size(able.custom_size, request)
    if request.aspect_ratio == AS_REFERENCE and able.as_reference(request.resolution):
        if not references:
            raise _refused("aspect_ratio", unsupported.FORMAT_NEEDS_REFERENCE)
        return
    _check_choice("aspect_ratio", request.aspect_ratio, able.aspect_ratios(request.resolution))


def _check_custom_size(limits: CustomSize | None, request: GenerationRequest) -> None:
    sides = {"width": request.width, "height": request.height}
    if request.resolution != CUSTOM:
        for field, side in sides.items():
            if side is not None:
                raise _refused(field, unsupported.OTHER_SIZE)
    elif limits:
        _check_sides(limits, sides)


def _check_sides(limits: CustomSize, sides: dict[str, int | None]) -> None:
    wrong = [
        field
        for field, side in sides.items()
        if not side or not limits.min_side <= side <= limits.max_side
    ]
    if wrong:
        raise _refused(wrong[0], unsupported.size(limits), also=wrong[1:])
    width, height = sides["width"] or 0, sides["height"] or 0
    if not limits.allows(width, height):
        # Each side is valid, but not their product or ratio, so the error concerns both fields.
        raise _refused("width", unsupported.sides_together(limits, width, height), also=["height"])


def _check_choice(field: str, value: str, choices: Sequence[str]) -> None:
    if value not in (choices or ("",)):
        raise _refused(field, unsupported.choice(choices))


def _check_number(field: str, limits: NumberRange | None, value: float | None) -> None:
    if value is None:
        return
    if limits is None:
        raise _refused(field, unsupported.NO_OPTION)
    # NaN fails every comparison, so this form refuses it too.
    if not limits.minimum <= value <= limits.maximum:
        raise _refused(field, unsupported.number(limits))
    steps = (value - limits.minimum) / limits.step
    if abs(steps - round(steps)) > 1e-6:
        raise _refused(field, unsupported.number(limits))


def _check_switches(able: Capabilities, request: GenerationRequest) -> None:
    if request.sequential and not able.sequential:
        raise _refused("sequential", unsupported.NO_OPTION)
    for switch in ("enhance_prompt", "use_pre_llm"):
        if getattr(request, switch) is not None and not getattr(able, switch):
            raise _refused(switch, unsupported.NO_OPTION)
    if request.output_format is not None:
        if not able.output_formats:
            raise _refused("output_format", unsupported.NO_OPTION)
        _check_choice("output_format", request.output_format, able.output_formats)


def _check_references(able: Capabilities, references: int, *, links_possible: bool) -> None:
    if references < able.min_references:
        raise _refused("references", unsupported.NEEDS_REFERENCE)
    if not references:
        return
    if why := unsupported.no_references(able, links_possible=links_possible):
        raise _refused("references", why)
    if references > able.max_references:
        why = unsupported.too_many_references(able.max_references, references)
        raise _refused("references", why)
