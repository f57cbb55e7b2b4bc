"""An answer of a provider, and what adapters read in it: pure, no socket."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from generations.providers.errors import Code, OutcomeUnknown, ProviderError
from generations.providers.types import Balance, ImageError, RemoteImage, ResultImage

TEXT_LIMIT = 500
# Whatever an unforeseen shape makes a parser trip over.
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Answer:
    """A whole answer. `complete` is False when the body broke off or passed the size limit."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool = True
    request_id: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body by `parsed_json`, whatever type its header claims. Raises `ValueError`."""
        if not self.complete:
            raise ValueError("The answer is not complete.")
        return parsed_json(self.body)


@dataclass(frozen=True)
class Fault:
    """What an adapter reads in an error answer; what it leaves empty is taken from the status.

    `error` overrules the table of `http.py`, and the adapter cites the page that says so.
    `retry_after` is in seconds, for providers that say it in the body and not in a header.
    """

    code: Code | None = None
    raw_code: str = ""
    message: str = field(default="", repr=False)
    error: type[ProviderError] | None = None
    balance: Balance | None = None
    retry_after: float | None = None


def understood(
    parse: Callable[[Answer], Parsed], answer: Answer, otherwise: ProviderError
) -> Parsed:
    """What `parse` makes of `answer`; raises `otherwise` where it can't be read."""
    try:
        return parse(answer)
    except UNREADABLE as error:
        otherwise.raw_code = f"unreadable answer ({type(error).__name__})"
        otherwise.request_id = answer.request_id
        # Not chained: what a parser stumbled over may be a prompt or a link.
        raise otherwise from None


def fault_in(answer: Answer, read: Callable[[Answer], Fault]) -> Fault:
    """What `read` finds in an error answer; nothing where it can't be read."""
    try:
        return read(answer)
    except UNREADABLE:
        return Fault()


def taken(
    chunks: Iterator[bytes], limit: int, watch: Callable[[bytes], None] | None = None
) -> tuple[bytes, bool]:
    """The body up to `limit` bytes, and whether that is all of it; `watch` sees it arrive.

    A body that breaks off is no reason to forget the status, or what came before.
    """
    body = bytearray()
    try:
        for chunk in chunks:
            body += chunk
            if len(body) > limit:
                return b"", False
            if watch:
                watch(chunk)
    except OutcomeUnknown:
        return bytes(body), False
    return bytes(body), True


def plain_code(raw_code: str) -> str:
    """A provider's code without case, spaces and signs: `Upload error` is `uploaderror`."""
    return re.sub(r"[^a-z0-9]", "", raw_code.casefold())


def retry_after(header: str) -> float | None:
    """Seconds from now that a `Retry-After` header asks for (RFC 9110, 10.2.3), or None."""
    header = header.strip()
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - time.time())


def parsed_json(text: str | bytes) -> Any:
    """What `text` says, fit for any database. Raises `ValueError`, and nothing else."""
    try:
        return storable(json.loads(text, parse_constant=_refused_constant))
    except RecursionError:
        raise ValueError("The answer is nested too deeply.") from None


def _refused_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def storable(value: Any) -> Any:
    """`value` with U+FFFD for each character that no database stores (NUL, lone surrogates)."""
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value


def short(text: object) -> str:
    """A provider's text as it may be kept."""
    return str(storable(str(text)))[:TEXT_LIMIT]


def object_in(answer: Answer) -> Mapping[str, Any]:
    """The object of an error answer; empty where there is none, for its status speaks too."""
    try:
        reply = answer.json()
    except ValueError:
        return {}
    return reply if isinstance(reply, Mapping) else {}


def text(value: object) -> str:
    """`value` as it may be kept, or nothing where it is no text."""
    return short(value) if isinstance(value, str) else ""


def required_text(value: object) -> str:
    """`value`, whole. Raises `ValueError` where it is no text or an empty one."""
    if not isinstance(value, str) or not value:
        raise ValueError("A text is missing.")
    return value


def linked_image(link: object, expires_at: datetime | None = None) -> ResultImage:
    """The picture behind `link`; what is no link takes only its own place."""
    if isinstance(link, str) and link:
        return RemoteImage(url=link, expires_at=expires_at)
    return ImageError(code=Code.BAD_RESPONSE, raw_code="not a link")


def after_seconds(moment: object, life: timedelta, *, per_second: int = 1) -> datetime | None:
    """`life` after a whole number since 1970, of seconds or parts of them; None where it is none.

    A figure that makes no sense is no reason to lose a picture.
    """
    if type(moment) is not int:
        return None
    try:
        return datetime.fromtimestamp(moment / per_second, UTC) + life
    except (OverflowError, ValueError, OSError):
        return None


def after_iso(moment: object, life: timedelta) -> datetime | None:
    """`life` after a moment in ISO 8601, of UTC where it names no zone; None where it is none."""
    try:
        found = datetime.fromisoformat(str(moment))
        return found.replace(tzinfo=found.tzinfo or UTC) + life
    except (OverflowError, ValueError):
        return None
