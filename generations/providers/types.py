"""The words that adapters and the studio share: what is asked, what an engine can do, what came.

Plain values: no settings, no database, no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

# The resolution that goes with a width and a height.
CUSTOM = "custom"


class Mode(StrEnum):
    TEXT_TO_IMAGE = "text-to-image"
    IMAGE_TO_IMAGE = "image-to-image"


class ReferenceDelivery(StrEnum):
    """How an engine takes a reference: as a public link, or as bytes within the request."""

    LINK = "link"
    INLINE = "inline"


@dataclass(frozen=True)
class NumberRange:
    """An option that is a number: its limits, step and default (None: not sent)."""

    minimum: float
    maximum: float
    step: float = 1
    default: float | None = None


@dataclass(frozen=True)
class CustomSize:
    """Which widths and heights in pixels may be asked for by number, beside those in the table."""

    min_side: int
    max_side: int
    min_pixels: int = 0
    max_pixels: int = 0  # 0: the sides alone decide
    max_ratio: float = 16

    def allows(self, width: int, height: int) -> bool:
        sides = all(self.min_side <= side <= self.max_side for side in (width, height))
        most = self.max_pixels or self.max_side**2
        ratio = max(width, height) <= self.max_ratio * min(width, height)
        return sides and ratio and self.min_pixels <= width * height <= most


@dataclass(frozen=True)
class PollSchedule:
    """When to ask for a result: seconds after submit, then every `interval` seconds."""

    first: float
    interval: float


@dataclass(frozen=True)
class Capabilities:
    """All that one engine can do; the form, the checks and the workers read nothing else.

    `sizes` gives width and height in pixels by resolution tier and aspect ratio; `exact_sizes` is
    False where the provider's pages name tiers and ratios but no pixels. With `custom_size` the
    resolution may be `CUSTOM`, with a width and a height. An option that is None or empty does not
    exist at this engine and is refused if sent. `max_images` is for a run without a set,
    `images_per_request` what one request makes of them; `images_per_sequence` is the most that one
    request for a connected set brings. `max_pictures` is for references and images of one request
    together. `unproven` names options that the provider takes, though no page says that the model
    heeds them.
    """

    prompt_limit: int
    max_images: int
    sizes: Mapping[str, Mapping[str, tuple[int, int]]]
    images_per_request: int = 1
    images_per_sequence: int = 0
    max_pictures: int | None = None
    exact_sizes: bool = True
    custom_size: CustomSize | None = None
    min_references: int = 0
    max_references: int = 0
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

    def most_images(self, *, sequential: bool) -> int:
        """The most images of a run: a set is one request."""
        return self.images_per_sequence if sequential else self.max_images

    def per_request(self, *, sequential: bool) -> int:
        """The most images that one request makes."""
        return self.images_per_sequence if sequential else self.images_per_request

    def size(self, request: "GenerationRequest") -> tuple[int, int]:
        """Width and height in pixels that a valid `request` asks for. Raises `KeyError`."""
        if request.resolution == CUSTOM:
            return request.width or 0, request.height or 0
        return self.sizes[request.resolution][request.aspect_ratio]


@dataclass(frozen=True)
class SuggestedPrice:
    """What an image of one tier costs: credits for the person, US dollars to the company."""

    tier: str
    credits: int
    cost_usd: Decimal


@dataclass(frozen=True)
class Engine:
    """One model at one provider: `name` is `provider/model`, what a person picks."""

    name: str
    label: str
    model: str
    capabilities: Capabilities
    prices: tuple[SuggestedPrice, ...]

    @property
    def provider(self) -> str:
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class ReferenceInput:
    """One reference of a request: a link for the provider to fetch, or the bytes themselves."""

    sha256: str
    width: int
    height: int
    link: str = ""
    data: bytes = field(default=b"", repr=False)
    mime_type: str = "image/jpeg"


# What may be chosen for a request beside engine, prompt, number and references.
OPTIONS = (
    "resolution",
    "aspect_ratio",
    "width",
    "height",
    "negative_prompt",
    "seed",
    "guidance_scale",
    "sequential",
    "output_format",
    "enhance_prompt",
    "use_pre_llm",
)


@dataclass(frozen=True)
class GenerationRequest:
    """One request to a provider, in our words.

    `num_images` is for this request; with `sequential` it is the most that may come. Options that
    the engine lacks are None.
    """

    engine: str
    prompt: str
    num_images: int = 1
    resolution: str = ""
    aspect_ratio: str = ""
    width: int | None = None
    height: int | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    guidance_scale: float | None = None
    sequential: bool = False
    output_format: str | None = None
    enhance_prompt: bool | None = None
    use_pre_llm: bool | None = None
    references: tuple[ReferenceInput, ...] = ()
    webhook_url: str = ""

    @classmethod
    def from_options(cls, options: Mapping[str, Any], **fields: Any) -> Self:
        """A request with what `options` hold of `OPTIONS`; `fields` go before them."""
        return cls(**{name: options[name] for name in OPTIONS if name in options} | fields)

    @property
    def mode(self) -> Mode:
        return Mode.IMAGE_TO_IMAGE if self.references else Mode.TEXT_TO_IMAGE


@dataclass(frozen=True)
class Payload:
    """The exact HTTP request that a submit will send; `body` is what is stored and sent again."""

    path: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RemoteImage:
    """A picture behind a link that lives until `expires_at` (None: not known)."""

    url: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True)
class InlineImage:
    """A picture that came within the answer."""

    data: bytes = field(repr=False)


@dataclass(frozen=True)
class ImageError:
    """One image of a request that the provider refused or lost, in its own words and ours."""

    code: str
    raw_code: str = ""
    message: str = ""


ResultImage = RemoteImage | InlineImage | ImageError


@dataclass(frozen=True)
class Accepted:
    """The provider took the request under `task_id`; `urls` are its own links for this task.

    `raw` is what else it said, without links or secrets, for the record.
    """

    task_id: str
    urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_id: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class InProgress:
    """Not done yet. `place` is the provider's queue position where it tells one."""

    place: int | None = None


@dataclass(frozen=True)
class Result:
    """The end of a task that brought at least one picture; errors stand in their place.

    `cost_usd` is the provider's own figure where it gives one; `model` the model id returned;
    `raw` the answer without links or secrets, for the record; `balance` what the answer said is
    left at the provider.
    """

    images: tuple[ResultImage, ...]
    model: str = ""
    cost_usd: Decimal | None = None
    request_id: str = ""
    seed: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    balance: "Balance | None" = None


@dataclass(frozen=True)
class Balance:
    """What is left at the provider, in its own unit; `concurrency` is what it lets run at once."""

    amount: Decimal
    unit: str
    concurrency: int | None = None


@dataclass(frozen=True)
class WebhookCall:
    """A provider's call to us as it came: the raw body, and headers by lower-case name."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class WebhookNews:
    """What a call of a provider is about: the same `event_id` for the same news told again."""

    task_id: str
    event_id: str


@dataclass(frozen=True)
class TaskRef:
    """How to speak of a task that a provider has accepted."""

    task_id: str
    model: str
    urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    submitted_at: datetime | None = None
