"""What a call to ModelArk returned: plain answers and streams, read into one form.

Facts: "Image generation API" (docs.byteplus.com/en/docs/ModelArk/1541523) and "Streaming responses"
(the page beside it), read in autumn 2026.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from generations.providers.answers import (
    Answer,
    Fault,
    after_seconds,
    parsed_json,
    text,
)
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
    Unavailable,
)
from generations.providers.event_stream import EventReader, StreamEvent
from generations.providers.modelark.engines import LINK_LIFE, WITH_SETS
from generations.providers.modelark.errors import fault_of, request_id_in
from generations.providers.types import ImageError, RemoteImage, ResultImage

MOST_IMAGES = WITH_SETS.images_per_sequence
# With the largest plausible number of each. Costs are computed from the first two.
USAGE = {
    "generated_images": 100,
    "input_images": 100,
    "output_tokens": 10**9,
    "total_tokens": 10**9,
}
SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
SUCCEEDED = "image_generation.partial_succeeded"
FAILED = "image_generation.partial_failed"
COMPLETED = "image_generation.completed"
DONE = "[DONE]"


@dataclass(frozen=True)
class Contents:
    """Everything that one call returned: images and errors in order, and the provider's figures.

    `errors` are the errors among `images` that the provider named itself, in its own form. `size`
    is that of the first image in pixels, or (0, 0) if the answer does not say.
    """

    images: tuple[ResultImage, ...]
    errors: tuple[object, ...] = ()
    model: str = ""
    size: tuple[int, int] = (0, 0)
    usage: Mapping[str, int] = field(default_factory=dict)

    @property
    def has_images(self) -> bool:
        return any(isinstance(image, RemoteImage) for image in self.images)

    def failure(self, answer: Answer) -> ProviderError:
        """The error that an answer without an image means, by its first code.

        Raises `ValueError` if part of the answer is neither an image nor a reason.
        """
        if not self.errors or len(self.errors) < len(self.images):
            raise ValueError("Neither an image nor a reason.")
        fault = fault_of(self.errors[0])
        code = fault.code or Code.PROVIDER_ERROR
        kind = fault.error or self._by_what_was_made(fault)
        return kind(
            fault.message,
            code=None if kind is OutcomeUnknown else code,
            raw_code=fault.raw_code,
            request_id=answer.request_id or request_id_in(fault.message),
        )

    def _by_what_was_made(self, fault: Fault) -> type[ProviderError]:
        """For codes that do not say what was made: `generated_images` is the number billed."""
        if self.usage.get("generated_images") != 0:
            return ProviderFailed if fault.own else OutcomeUnknown
        return Unavailable if fault.code == Code.PROVIDER_ERROR else Refused


class ImageStream:
    """Takes a streamed set in pieces of any size and gives each image as soon as it is complete."""

    def __init__(self) -> None:
        self._reader = EventReader()
        self._images: dict[int, ResultImage] = {}
        self._errors: list[object] = []
        self._broken_by: object = None
        self._sizes: list[tuple[int, int]] = []
        self._usage: Mapping[str, int] = {}
        self._model = ""
        self._ended = False

    def feed(self, piece: bytes) -> list[tuple[int, ResultImage]]:
        """The images and errors that `piece` completes, with their indexes."""
        return self._take_all(self._reader.feed(piece))

    def close(self) -> Contents:
        """Everything that arrived. A missing image is an error, in its place or at the end."""
        self._take_all(self._reader.close())
        images = [self._images.get(n, _MISSING) for n in range(max(self._images, default=-1) + 1)]
        errors = list(self._errors)
        if self._broken_by is not None:
            images.append(_error_in(self._broken_by))
            errors.append(self._broken_by)
        elif not self._ended:
            images.append(_BROKE_OFF)
        size = self._sizes[0] if self._sizes else (0, 0)
        return Contents(tuple(images), tuple(errors), self._model, size, self._usage)

    def _take_all(self, events: Sequence[StreamEvent]) -> list[tuple[int, ResultImage]]:
        taken = [self._take(event) for event in events]
        return [each for each in taken if each]

    def _take(self, event: StreamEvent) -> tuple[int, ResultImage] | None:
        if event.data.strip() == DONE:
            self._ended = True
            return None
        try:
            facts = parsed_json(event.data)
        except ValueError:
            return None
        return self._take_facts(facts, event.name) if isinstance(facts, dict) else None

    def _take_facts(self, facts: Mapping[str, Any], name: str) -> tuple[int, ResultImage] | None:
        self._model = self._model or text(facts.get("model"))
        kind = facts.get("type") or name
        if kind == SUCCEEDED:
            return self._put(facts, _image_in(facts))
        if kind == FAILED:
            return self._put(facts, _error_in(facts.get("error")))
        if facts.get("error"):
            # This is an error of the whole stream: nothing more will come.
            self._broken_by = self._broken_by or facts["error"]
        elif kind == COMPLETED:
            self._ended, self._usage = True, _usage_in(facts)
        return None

    def _put(self, facts: Mapping[str, Any], image: ResultImage) -> tuple[int, ResultImage] | None:
        index = facts.get("image_index")
        if type(index) is not int or not 0 <= index < MOST_IMAGES:
            index = self._free_place()
        if self._images.get(index) == image:
            return None  # told twice
        if index in self._images:
            index = self._free_place()
        self._images[index] = image
        if isinstance(image, RemoteImage):
            self._sizes.append(_size_in(facts))
        elif facts.get("error"):
            self._errors.append(facts["error"])
        return index, image

    def _free_place(self) -> int:
        return next(n for n in count() if n not in self._images)


def is_stream(body: bytes) -> bool:
    """Whether `body` is not JSON; the header `Content-Type` is not reliable."""
    return body.lstrip()[:1] not in (b"{", b"[")


def streamed(body: bytes) -> Contents:
    """What a whole stream returned, or one that broke off."""
    stream = ImageStream()
    stream.feed(body)
    return stream.close()


def plain(reply: Mapping[str, Any]) -> Contents:
    """What an answer in one piece returned: `data` has both images and errors."""
    data = reply.get("data") or []
    if not isinstance(data, list):
        raise TypeError("The data is not a list.")
    items = [item if isinstance(item, dict) else {} for item in data]
    images = [_item(item, reply.get("created")) for item in items]
    errors = [item["error"] for item in items if item.get("error")]
    if reply.get("error"):
        images.append(_error_in(reply["error"]))
        errors.append(reply["error"])
    sizes = [_size_in(item) for item in items if not item.get("error")]
    return Contents(
        images=tuple(images),
        errors=tuple(errors),
        model=text(reply.get("model")),
        size=sizes[0] if sizes else (0, 0),
        usage=_usage_in(reply),
    )


def _item(item: Mapping[str, Any], created: object) -> ResultImage:
    if item.get("error"):
        return _error_in(item["error"])
    return _image_in({"created": created, **item})


def _image_in(facts: Mapping[str, Any]) -> ResultImage:
    url = facts.get("url")
    if not isinstance(url, str) or not url:
        return ImageError(code=Code.BAD_RESPONSE, raw_code="no link")
    return RemoteImage(url=url, expires_at=after_seconds(facts.get("created"), LINK_LIFE))


def _error_in(error: object) -> ImageError:
    fault = fault_of(error)
    code = fault.code or Code.PROVIDER_ERROR
    return ImageError(code=code, raw_code=fault.raw_code, message=fault.message)


def _usage_in(reply: Mapping[str, Any]) -> dict[str, int]:
    usage = reply.get("usage")
    if not isinstance(usage, dict):
        return {}
    given = {name: usage[name] for name in USAGE if type(usage.get(name)) is int}
    return {name: number for name, number in given.items() if 0 <= number <= USAGE[name]}


def _size_in(facts: Mapping[str, Any]) -> tuple[int, int]:
    found = SIZE.fullmatch(text(facts.get("size")))
    return (int(found[1]), int(found[2])) if found else (0, 0)


_MISSING = ImageError(code=Code.BAD_RESPONSE, raw_code="missing in the stream")
_BROKE_OFF = ImageError(code=Code.OUTCOME_UNKNOWN, raw_code="stream broke off")
