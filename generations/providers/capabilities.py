"""What an engine can do and what it costs. Plain values: no settings, no database, no clock.

The form, the checks and the workers read nothing else about an engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from django.utils.functional import Promise

from generations.providers.types import GenerationRequest, Mode

# The resolution for a size that is given by width and height.
CUSTOM = "custom"
# The aspect ratio for an image in the format of its first reference.
AS_REFERENCE = "as-reference"
# The most seconds that one call to a provider may take. No `submit_timeout_seconds` is longer, and
# a worker that ends waits this long.
LONGEST_CALL_SECONDS = 900
# Sizes have the same format if their ratios differ by less than this share.
SAME_FORMAT = 0.02


class ReferenceDelivery(StrEnum):
    """How an engine takes a reference: as a public link, or as bytes within the request."""

    LINK = "link"
    INLINE = "inline"


@dataclass(frozen=True)
class NumberRange:
    """A numeric option: its limits, step and default (None: not sent)."""

    minimum: float
    maximum: float
    step: float = 1
    default: float | None = None


@dataclass(frozen=True)
class CustomSize:
    """The widths and heights in pixels that may be requested besides those in the table."""

    min_side: int
    max_side: int
    min_pixels: int = 0
    max_pixels: int = 0  # 0: only the sides are limited.
    max_ratio: float = 16

    def allows(self, width: int, height: int) -> bool:
        sides = all(self.min_side <= side <= self.max_side for side in (width, height))
        most = self.max_pixels or self.max_side**2
        ratio = max(width, height) <= self.max_ratio * min(width, height)
        return sides and ratio and self.min_pixels <= width * height <= most


@dataclass(frozen=True)
class PollSchedule:
    """When to ask for a result: after `first` seconds, then every `interval` seconds."""

    first: float
    interval: float


@dataclass(frozen=True)
class Capabilities:
    """Everything that one engine can do.

    `sizes` gives width and height in pixels by resolution and aspect ratio; `exact_sizes` is False
    if the provider's pages name resolutions and ratios but no pixels. With `custom_size` the
    resolution may be `CUSTOM`, with a width and a height. An option that is None or empty does not
    exist at this engine, and is refused if sent. `max_images` limits a run without a set;
    `images_per_request` is how many of them one request makes; `images_per_sequence` limits a set,
    which is one request. `max_images_and_references` limits the references and images of one
    request together. `matches_reference` says whether `AS_REFERENCE` may be chosen, at every
    resolution but `CUSTOM`. `unproven` names options that the provider accepts although no page
    says that the model uses them. `polls` and `typical_seconds` are by resolution;
    `link_life_seconds` is how long links to results are valid, or None if no page says.
    """

    prompt_limit: int
    max_images: int
    sizes: Mapping[str, Mapping[str, tuple[int, int]]]
    images_per_request: int = 1
    images_per_sequence: int = 0
    max_images_and_references: int | None = None
    exact_sizes: bool = True
    custom_size: CustomSize | None = None
    min_references: int = 0
    max_references: int = 0
    matches_reference: bool = False
    reference_delivery: ReferenceDelivery | None = None
    negative_prompt: bool = False
    seed: NumberRange | None = None
    guidance_scale: NumberRange | None = None
    enhance_prompt: bool = False
    use_pre_llm: bool = False
    output_formats: tuple[str, ...] = ()
    unproven: frozenset[str] = frozenset()
    takes_idempotency_key: bool = False
    answers_at_once: bool = False
    can_cancel: bool = False
    webhook: bool = False
    deterministic_by_seed: bool = False
    polls: Mapping[str, PollSchedule] = field(default_factory=dict)
    typical_seconds: Mapping[str, float] = field(default_factory=dict)
    deadline_seconds: float = 600
    submit_timeout_seconds: float = 60
    link_life_seconds: float | None = None

    @property
    def modes(self) -> tuple[Mode, ...]:
        text = () if self.min_references else (Mode.TEXT_TO_IMAGE,)
        return (*text, Mode.IMAGE_TO_IMAGE) if self.max_references else text

    @property
    def sequential(self) -> bool:
        """Whether the engine makes sets of images that belong together."""
        return self.images_per_sequence > 0

    @property
    def resolutions(self) -> tuple[str, ...]:
        return (*self.sizes, CUSTOM) if self.custom_size else tuple(self.sizes)

    def aspect_ratios(self, resolution: str) -> tuple[str, ...]:
        return tuple(self.sizes.get(resolution, {}))

    def as_reference(self, resolution: str) -> bool:
        """Whether, at `resolution`, an image may take the format of the first reference."""
        return self.matches_reference and resolution in self.sizes

    def most_images(self, *, sequential: bool, references: int = 0) -> int:
        """The most images that a run with this many references may have; a set is one request."""
        most = self.images_per_sequence if sequential else self.max_images
        if self.max_images_and_references is None or not references:
            return most
        room = self.max_images_and_references - references
        return most if self.per_request(sequential=sequential) <= room else min(most, room)

    def per_request(self, *, sequential: bool) -> int:
        """The most images that one request makes."""
        return self.images_per_sequence if sequential else self.images_per_request

    def poll_schedule(self, resolution: str) -> PollSchedule:
        """When to ask for a result at `resolution`; for engines that do not answer at once."""
        return self.polls.get(resolution) or next(iter(self.polls.values()))

    def seed_at(self, position: int, *, asked: int | None) -> int | None:
        """The seed that the image at `position` of a run is made with; the run asked for `asked`.

        Each position has the seed after that of the one before, since the same seed would bring the
        same image. After the largest seed comes the smallest.
        """
        if asked is None or self.seed is None:
            return asked
        smallest, largest = int(self.seed.minimum), int(self.seed.maximum)
        return smallest + (asked - smallest + position) % (largest - smallest + 1)

    def size(self, request: GenerationRequest) -> tuple[int, int]:
        """Width and height in pixels that a valid `request` asks for.

        Raises `KeyError` if there are none, as for `AS_REFERENCE`: only the image has a size then.
        """
        if request.resolution == CUSTOM:
            return request.width or 0, request.height or 0
        return self.sizes[request.resolution][request.aspect_ratio]


@dataclass(frozen=True)
class SuggestedPrice:
    """What an image of one tier costs: credits for the person, US dollars for the company.

    If the provider charges for references, each one beyond `free_references` adds
    `credits_per_reference` and `cost_usd_per_reference` to each image.
    """

    tier: str
    credits: int
    cost_usd: Decimal
    credits_per_reference: Decimal = Decimal(0)
    cost_usd_per_reference: Decimal = Decimal(0)
    free_references: int = 0


@dataclass(frozen=True)
class Engine:
    """One model at one provider. `name` is `provider/model`; it is what a person chooses.

    `about` is a sentence for people who choose, if the capabilities do not say enough.
    """

    name: str
    label: str
    model: str
    capabilities: Capabilities
    prices: tuple[SuggestedPrice, ...]
    about: str | Promise = ""

    @property
    def provider(self) -> str:
        return provider_of(self.name)


def provider_of(engine: str) -> str:
    """The provider in an engine's name, whether or not that engine exists."""
    return engine.partition("/")[0]


def is_same_format(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes, width and height in pixels, have the same ratio, within 2 %."""
    return abs(size[0] * other[1] / (size[1] * other[0]) - 1) < SAME_FORMAT
