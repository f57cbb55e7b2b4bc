"""Everything that the emulator can do wrong, as data that can also be sent as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Drop(StrEnum):
    """When to close the connection: before reading the body, instead of the answer or within it."""

    UNREAD = "unread"
    ANSWER = "answer"
    MIDWAY = "midway"


class Hold(StrEnum):
    """Where an answer stops until `Emulator.let_go`: before its first byte, or within."""

    ANSWER = "answer"
    MIDWAY = "midway"


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with one request (or `times` requests). If nothing is set, nothing does.

    `status`, `raw` and `flood` replace the normal answer, and the request has no other effect,
    unless `accept` says that it is carried out all the same. `fail`, `deliver` and `size` decide
    how the task of a submit ends.
    """

    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: str | None = None
    content_type: str = ""
    flood: int = 0
    accept: bool = False
    drop: Drop | None = None
    hold: Hold | None = None
    delay: float = 0
    drip: float = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
    fail: str = ""
    message: str = ""
    deliver: int | None = None
    size: tuple[int, int] | None = None
    times: int = 1

    @property
    def replaces_answer(self) -> bool:
        return bool(self.status or self.raw is not None or self.flood)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Trouble":
        """The trouble in a control command. Raises `TypeError` for unknown fields."""
        trouble = cls(**fields)
        return replace(
            trouble,
            drop=Drop(trouble.drop) if trouble.drop else None,
            hold=Hold(trouble.hold) if trouble.hold else None,
            size=tuple(trouble.size) if trouble.size else None,  # type: ignore[arg-type]
        )


NONE = Trouble()


def status(code: int, *, body: Any = None, times: int = 1, **headers: str) -> Trouble:
    """An error answer. `body` None means the documented one; `Retry_After="2"` adds that header."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Trouble(status=code, body=body, headers=names, times=times)


def dropped_unread() -> Trouble:
    return Trouble(drop=Drop.UNREAD)


def lost_answer() -> Trouble:
    """The request is carried out, but its answer is never sent."""
    return Trouble(drop=Drop.ANSWER)


def cut_midway() -> Trouble:
    """The request is carried out, but its answer breaks off halfway."""
    return Trouble(drop=Drop.MIDWAY)


def held() -> Trouble:
    """The request is read completely, and carried out when the test lets it go."""
    return Trouble(hold=Hold.ANSWER)


def held_midway() -> Trouble:
    """The request is carried out; the rest of its answer is sent when the test lets it go."""
    return Trouble(hold=Hold.MIDWAY)


def slow(seconds: float) -> Trouble:
    return Trouble(delay=seconds)


def dripping(seconds: float) -> Trouble:
    """One byte of the answer after each pause of so many seconds."""
    return Trouble(drip=seconds)


def malformed(text: str = '{"code": 200, "data": {') -> Trouble:
    """Carried out, but the answer is not JSON."""
    return Trouble(raw=text, content_type="application/json", accept=True)


def html() -> Trouble:
    return Trouble(raw="<!doctype html><h1>Welcome</h1>", content_type="text/html", accept=True)


def mislabelled() -> Trouble:
    """The right answer with the wrong content type."""
    return Trouble(content_type="text/html")


def flood(size: int = 1 << 30) -> Trouble:
    """An answer of `size` bytes, streamed without saying how many."""
    return Trouble(flood=size, accept=True)


def redirect(url: str, code: int = 302) -> Trouble:
    return Trouble(status=code, headers={"Location": url})


def unheeded(code: int, body: Any) -> Trouble:
    """For a cancel: the answer says that it was done, but nothing is done."""
    return Trouble(status=code, body=body)


def failed(code: str, message: str = "") -> Trouble:
    """The task of this submit will fail with the provider's `code`."""
    return Trouble(fail=code, message=message)


def partial(images: int) -> Trouble:
    """Only this many of the requested images are delivered."""
    return Trouble(deliver=images)


def wrong_size(width: int, height: int) -> Trouble:
    return Trouble(size=(width, height))


def no_image() -> Trouble:
    """For the route `image`: bytes that claim to be an image."""
    return Trouble(raw="this is no image", content_type="image/png")


def expired(code: int = 403) -> Trouble:
    """For the route `image`: a link that has expired."""
    return Trouble(status=code, times=1_000_000)


def unknown_fields() -> Trouble:
    """Fields that no page mentions, besides the right ones."""
    return Trouble(extra={"traceId": "0f", "meta": {"region": "xx", "n": [1, None]}})
