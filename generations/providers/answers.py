"""A provider's answer, and how adapters read it. Pure: no sockets."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from generations.providers.errors import Code, OutcomeUnknown, ProviderError
from generations.providers.types import ImageError, ProviderBalance, RemoteImage, ResultImage

TEXT_LIMIT = 500
# What a parser may raise when an answer has an unexpected shape.
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)

# The longest time that a provider may ask anyone to wait, in seconds.
MOST_WAIT_SECONDS = 86_400.0
# Plausible times in answers: after these APIs were made, and no further ahead than a clock may be
# wrong.
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
MOST_AHEAD = timedelta(days=1)
# Limits of the columns: characters of a task id, and an amount in any unit.
ID_LIMIT = 600
MOST_AMOUNT = Decimal(10**10)

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Answer:
    """A whole answer. `complete` is False if the body broke off or exceeded the size limit."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool = True
    request_id: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body by `parsed_json`, whatever its declared type. Raises `ValueError`."""
        if not self.complete:
            raise ValueError("The answer is not complete.")
        return parsed_json(self.body)


@dataclass(frozen=True)
class Fault:
    """What an adapter finds in an error answer; what it leaves empty is taken from the status.

    `error` takes precedence over the table in `http.py`; the adapter cites the page that justifies
    this. `retry_after` is in seconds, for providers that say it in the body and not in a header.
    `own` says that the answer is a complete error in exactly the format that the provider's page
    documents, with its code: so it comes from the provider and not from a gateway on the way.
    """

    code: Code | None = None
    raw_code: str = ""
    message: str = field(default="", repr=False)
    error: type[ProviderError] | None = None
    balance: ProviderBalance | None = None
    retry_after: float | None = None
    own: bool = False


def understood(
    parse: Callable[[Answer], Parsed], answer: Answer, otherwise: ProviderError
) -> Parsed:
    """What `parse` returns for `answer`; raises `otherwise` if it cannot be read."""
    try:
        return parse(answer)
    except UNREADABLE as error:
        otherwise.raw_code = f"unreadable answer ({type(error).__name__})"
        otherwise.request_id = answer.request_id
        # Not chained: the parser's exception may quote a prompt or a link.
        raise otherwise from None


def fault_in(answer: Answer, read: Callable[[Answer], Fault]) -> Fault:
    """What `read` finds in an error answer; an empty `Fault` if it cannot be read."""
    try:
        return read(answer)
    except UNREADABLE:
        return Fault()


def taken(
    chunks: Iterator[bytes], limit: int, watch: Callable[[bytes], None] | None = None
) -> tuple[bytes, bool]:
    """The body up to `limit` bytes, and whether it is complete; `watch` is given each piece.

    When a body breaks off, the status and what came before are still used.
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
    """A provider's code without case, spaces and punctuation: `Upload error` is `uploaderror`."""
    return re.sub(r"[^a-z0-9]", "", raw_code.casefold())


def retry_after(header: str) -> float | None:
    """Seconds from now that a `Retry-After` header asks for (RFC 9110, 10.2.3), or None.

    Limited by `bounded_wait`.
    """
    header = header.strip()[:TEXT_LIMIT]
    if header.isascii() and header.isdigit():
        return bounded_wait(float(header))
    try:
        moment = parsedate_to_datetime(header)
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - time.time()
    except UNREADABLE:
        return None
    return bounded_wait(seconds)


def bounded_wait(seconds: float | None) -> float | None:
    """`seconds` limited to between 0 and one day; None for None and NaN."""
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), MOST_WAIT_SECONDS)


def parsed_json(text: str | bytes) -> Any:
    """`text` parsed as JSON that any database can store. Raises only `ValueError`."""
    try:
        return storable(json.loads(text, parse_constant=_refused_constant))
    except RecursionError:
        raise ValueError("The answer is nested too deeply.") from None


def _refused_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def storable(value: Any) -> Any:
    """`value` with U+FFFD for each character that no database stores (NUL, lone surrogates).

    Python reads 1e999 as infinity, which no database stores either: it becomes None.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value


def short(text: object) -> str:
    """A provider's text, cut to the length that is kept."""
    return str(storable(str(text)))[:TEXT_LIMIT]


def object_in(answer: Answer) -> Mapping[str, Any]:
    """The object of an error answer; empty if there is none, because the status alone is enough."""
    try:
        reply = answer.json()
    except ValueError:
        return {}
    return reply if isinstance(reply, Mapping) else {}


def text(value: object) -> str:
    """`value` cut to the length that is kept, or an empty string if it is not text."""
    return short(value) if isinstance(value, str) else ""


def required_text(value: object) -> str:
    """`value`, complete. Raises `ValueError` if it is not text, or is empty or too long."""
    if not isinstance(value, str) or not 0 < len(value) <= ID_LIMIT:
        raise ValueError("The text is missing or too long.")
    return value


def has_texts(value: object, *names: str) -> bool:
    """Whether `value` is an object with a non-empty text under each of `names`."""
    return isinstance(value, Mapping) and all(text(value.get(name)) for name in names)


def amount(value: object) -> Decimal:
    """`value` as an amount. Raises `ValueError` or `TypeError` if it is not a plausible one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("This is no amount.")
    found = Decimal(str(value))
    if not found.is_finite() or abs(found) >= MOST_AMOUNT:
        raise ValueError("The amount makes no sense.")
    return found


def linked_image(link: object, expires_at: datetime | None = None) -> ResultImage:
    """The image behind `link`; an invalid link fails only its own image."""
    if isinstance(link, str) and link:
        return RemoteImage(url=link, expires_at=expires_at)
    return ImageError(code=Code.BAD_RESPONSE, raw_code="not a link")


def after_seconds(moment: object, life: timedelta, *, per_second: int = 1) -> datetime | None:
    """The end of `life`, counted from `moment` (seconds since 1970, or parts of them); None if
    invalid.

    An implausible number must neither lose an image nor keep it waiting for ever.
    """
    if type(moment) is not int:
        return None
    try:
        return _after(datetime.fromtimestamp(moment / per_second, UTC), life)
    except (OverflowError, ValueError, OSError):
        return None


def after_iso(moment: object, life: timedelta) -> datetime | None:
    """The end of `life` after an ISO 8601 time (UTC if it names no zone); None if invalid."""
    try:
        found = datetime.fromisoformat(str(moment))
        return _after(found.replace(tzinfo=found.tzinfo or UTC), life)
    except (OverflowError, ValueError):
        return None


def _after(moment: datetime, life: timedelta) -> datetime | None:
    latest = datetime.now(UTC) + MOST_AHEAD
    return moment + life if EARLIEST <= moment <= latest else None
