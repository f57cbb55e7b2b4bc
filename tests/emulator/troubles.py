"""Everything the emulator can be told to do wrong, as data that also travels as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Drop(StrEnum):
    """When the connection is closed: before the body is read, instead of or within the answer."""

    UNREAD = "unread"
    ANSWER = "answer"
    MIDWAY = "midway"


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with one request (or `times` requests); nothing set: all goes well.

    `status`, `raw` and `flood` put another answer in place of the proper one. The request counts
    for nothing then, unless `accept` says that it was carried out all the same. `fail`, `deliver`
    and `size` are the fate of the task that a submit makes.
    """

    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: str | None = None
    content_type: str = ""
    flood: int = 0
    accept: bool = False
    drop: Drop | None = None
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
        """The trouble that a steering process described. Raises `TypeError` for unknown fields."""
        trouble = cls(**fields)
        return replace(
            trouble,
            drop=Drop(trouble.drop) if trouble.drop else None,
            size=tuple(trouble.size) if trouble.size else None,  # type: ignore[arg-type]
        )


NONE = Trouble()


def status(code: int, *, body: Any = None, times: int = 1, **headers: str) -> Trouble:
    """An error answer; `body` None is the provider's documented one. `Retry_After="2"` adds it."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Trouble(status=code, body=body, headers=names, times=times)


def dropped_unread() -> Trouble:
    return Trouble(drop=Drop.UNREAD)


def lost_answer() -> Trouble:
    """The request is carried out and its answer never sent."""
    return Trouble(drop=Drop.ANSWER)


def cut_midway() -> Trouble:
    """The request is carried out and its answer breaks off half way."""
    return Trouble(drop=Drop.MIDWAY)


def slow(seconds: float) -> Trouble:
    return Trouble(delay=seconds)


def dripping(seconds: float) -> Trouble:
    """One byte of the answer every so many seconds."""
    return Trouble(drip=seconds)


def malformed(text: str = '{"code": 200, "data": {') -> Trouble:
    """Carried out, and answered with something that is not JSON."""
    return Trouble(raw=text, content_type="application/json", accept=True)


def html() -> Trouble:
    return Trouble(raw="<!doctype html><h1>Welcome</h1>", content_type="text/html", accept=True)


def mislabelled() -> Trouble:
    """The right answer under the wrong content type."""
    return Trouble(content_type="text/html")


def flood(size: int = 1 << 30) -> Trouble:
    """`size` bytes of an endless-looking body, streamed without saying how many."""
    return Trouble(flood=size, accept=True)


def redirect(url: str, code: int = 302) -> Trouble:
    return Trouble(status=code, headers={"Location": url})


def failed(code: str, message: str = "") -> Trouble:
    """The task that this submit makes will fail with the provider's `code`."""
    return Trouble(fail=code, message=message)


def partial(images: int) -> Trouble:
    """Only so many of the images asked for will come."""
    return Trouble(deliver=images)


def wrong_size(width: int, height: int) -> Trouble:
    return Trouble(size=(width, height))


def no_picture() -> Trouble:
    """For the route `image`: bytes that claim to be a picture."""
    return Trouble(raw="this is no picture", content_type="image/png")


def expired(code: int = 403) -> Trouble:
    """For the route `image`: a link past its life."""
    return Trouble(status=code, times=1_000_000)


def unknown_fields() -> Trouble:
    """Fields that no page mentions, beside the right ones."""
    return Trouble(extra={"traceId": "0f", "meta": {"region": "xx", "n": [1, None]}})
