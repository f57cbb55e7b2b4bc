"""What the studio and its adapters hand each other: requests, results and webhook calls.

Plain values: no settings, no database, no clock.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from generations.providers.answers import Answer


class Mode(StrEnum):
    TEXT_TO_IMAGE = "text-to-image"
    IMAGE_TO_IMAGE = "image-to-image"


@dataclass(frozen=True)
class ReferenceInput:
    """One reference of a request: a link that the provider fetches, or the bytes themselves."""

    sha256: str
    width: int
    height: int
    link: str = ""
    data: bytes = field(default=b"", repr=False)
    mime_type: str = "image/jpeg"


# What a person may choose besides the engine, the prompt, the number of images and references.
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
    """One request to a provider, in the studio's terms.

    `num_images` is for this request; with `sequential` it is the most that may arrive. Options that
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
        """A request with those of `OPTIONS` that `options` contains; `fields` take precedence."""
        return cls(**{name: options[name] for name in OPTIONS if name in options} | fields)

    @property
    def mode(self) -> Mode:
        return Mode.IMAGE_TO_IMAGE if self.references else Mode.TEXT_TO_IMAGE


@dataclass(frozen=True)
class Payload:
    """The exact HTTP request of a submit. `body` is stored, and sent again if needed."""

    path: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, path: str, body: Mapping[str, Any]) -> Self:
        """A request whose body is JSON: the same bytes for the same values in any order."""
        return cls(path, json.dumps(body, ensure_ascii=False, sort_keys=True).encode())


@dataclass(frozen=True)
class RemoteImage:
    """An image behind a link that is valid until `expires_at` (None: unknown)."""

    url: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True)
class InlineImage:
    """An image within the answer itself."""

    data: bytes = field(repr=False)


@dataclass(frozen=True)
class ImageError:
    """An image that the provider refused or lost: its own error, and the studio's code for it."""

    code: str
    raw_code: str = ""
    message: str = ""


ResultImage = RemoteImage | InlineImage | ImageError


@dataclass(frozen=True)
class Accepted:
    """The provider accepted the request as `task_id`; `urls` are its links for this task.

    `raw` is the rest of the answer, without links or secrets, for the record. `answer` is the whole
    answer without the key; None if the provider is not called over HTTP.
    """

    task_id: str
    urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_id: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    answer: "Answer | None" = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class InProgress:
    """Not finished yet. `place` is the place in the provider's queue, if it tells one."""

    place: int | None = None


@dataclass(frozen=True)
class Result:
    """The end of a task with at least one image; a failed image is an `ImageError` in its place.

    `cost_usd` is the provider's own figure if it gives one. `model` is the model id that it
    returned. `raw` is the answer without links or secrets, for the record. `balance` is what the
    answer said is left at the provider. `answer` is the whole answer, as in `Accepted`.
    """

    images: tuple[ResultImage, ...]
    model: str = ""
    cost_usd: Decimal | None = None
    request_id: str = ""
    seed: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    balance: "ProviderBalance | None" = None
    answer: "Answer | None" = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class ProviderBalance:
    """What is left at the provider, in its own unit.

    `concurrency` is how many requests may run at once.
    """

    amount: Decimal
    unit: str
    concurrency: int | None = None


@dataclass(frozen=True)
class WebhookCall:
    """A webhook call as received: the raw body, and the headers by lower-case name."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class WebhookNews:
    """What a webhook call is about. Calls about the same event have the same `event_id`."""

    task_id: str
    event_id: str


@dataclass(frozen=True)
class TaskRef:
    """What is needed to ask about a task that a provider has accepted."""

    task_id: str
    model: str
    urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    submitted_at: datetime | None = None
