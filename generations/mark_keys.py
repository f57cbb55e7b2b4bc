"""The keys of the imperceptible mark.

A key is a file in `DATA_DIR/keys`, which the first mark makes, or the setting LABEL_MARK_KEY where
machines share no disk. The newest key marks; files that older ones have marked are still read.
"""

import logging
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256

from django.conf import settings
from django.db import transaction

from accounts import audit, key_files, notices
from accounts.events import Event
from accounts.models import Record, Studio
from generations.labelling.mark import KEY_BYTES, Marker, NumberMark
from generations.notice_kinds import IMAGES_UNMARKED, MARK_KEY_LOST

logger = logging.getLogger(__name__)

_NAME = re.compile(r"mark-([1-9]\d{0,8})\.key")
_MOST_BYTES = 200
# There is one notice at a time.
_CAUSE = "key"


class MarkKeyError(Exception):
    """A key of the mark cannot be used. The text says why and what to do, without the key."""


def mark(number: int | None) -> NumberMark | None:
    """What marks the files of the delivery with this primary key.

    None if the mark is off, or if no key can be used: no image is lost for want of a mark, the rows
    of its files say that they have none, and admins are told.
    """
    if not settings.LABEL_MARK or number is None:
        return None
    try:
        found = (_newest() or rotate()).with_number(number)
    except (MarkKeyError, ValueError) as error:
        logger.error("delivery %s gets no imperceptible mark: %s", number, error)
        notices.raise_notice(IMAGES_UNMARKED, cause=_CAUSE, facts={"reason": str(error)})
        return None
    if notices.lasting([IMAGES_UNMARKED]):
        notices.end(IMAGES_UNMARKED, cause=_CAUSE)
    _tell_of_lost_keys()
    return found


def markers() -> list[Marker]:
    """The keys by which marks are read, the newest first. Raises MarkKeyError."""
    if settings.LABEL_MARK_KEY:
        given = settings.LABEL_MARK_KEY.split(",")
        found = [Marker(_key(text), number) for number, text in enumerate(given, start=1)]
    else:
        found = [Marker(_read(number), number) for number in _numbers()]
    return found[::-1]


def lost() -> set[int]:
    """The numbers of keys that the studio has made and this machine lacks or can't read.

    Without those that were given up.
    """
    rows = Record.objects.filter(event__in=(Event.LABEL_MARK_KEY_MADE, Event.LABEL_MARK_KEY_LOST))
    known = {sha256(key).hexdigest() for key in _readable()}
    made, gone = dict[int, str](), set[int]()
    for event, facts in rows.values_list("event", "facts"):
        if event == Event.LABEL_MARK_KEY_MADE:
            made[facts["number"]] = facts["sha256"]
        else:
            gone.add(facts["number"])
    return {number for number, digest in made.items() if digest not in known} - gone


def give_up(number: int) -> None:
    """Record that a key is lost for good, and end its notice. Raises MarkKeyError if it is not."""
    if number not in lost():
        raise MarkKeyError(f"Key {number} is not among the lost keys.")
    with transaction.atomic():
        studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
        facts = {"number": number}
        audit.record(Event.LABEL_MARK_KEY_LOST, actor=None, subject=studio, facts=facts)
        notices.end(MARK_KEY_LOST, cause=str(number))


def _tell_of_lost_keys() -> None:
    """A new key takes the place of a lost one at once, so that no image waits; admins must know."""
    missing = {str(number) for number in lost()}
    for number in missing:
        notices.raise_notice(MARK_KEY_LOST, cause=number, facts={"number": number})
    for _kind, cause in notices.lasting([MARK_KEY_LOST]):
        if cause not in missing:
            notices.end(MARK_KEY_LOST, cause=cause)


def rotate() -> Marker:
    """Make a key that marks from now on, and record it. Raises MarkKeyError."""
    if settings.LABEL_MARK_KEY:
        raise MarkKeyError(
            "LABEL_MARK_KEY holds the keys. Add a new one after the others, with a comma, and "
            "start the studio again."
        )
    before = Record.objects.filter(event=Event.LABEL_MARK_KEY_MADE).count()
    marker = Marker(secrets.token_bytes(KEY_BYTES), max([before, *_numbers()]) + 1)
    if not _write(marker):
        return markers()[0]  # another process was first
    try:
        _record(marker)
    except BaseException:
        with suppress(OSError):
            key_files.path(_name(marker.key_number)).unlink(missing_ok=True)
        raise
    return marker


def _readable() -> Iterator[bytes]:
    """The keys that are here, without those that are damaged: images go on without them."""
    given = settings.LABEL_MARK_KEY.split(",") if settings.LABEL_MARK_KEY else []
    reading = [partial(_key, text) for text in given]
    reading += [] if given else [partial(_read, number) for number in _numbers()]
    for read in reading:
        with suppress(MarkKeyError):
            yield read()


def _newest() -> Marker | None:
    if settings.LABEL_MARK_KEY:
        return markers()[0]
    numbers = _numbers()
    return Marker(_read(numbers[-1]), numbers[-1]) if numbers else None


def _record(marker: Marker) -> None:
    facts = {"number": marker.key_number, "sha256": sha256(marker.key).hexdigest()}
    with transaction.atomic():
        studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
        audit.record(Event.LABEL_MARK_KEY_MADE, actor=None, subject=studio, facts=facts)


def _numbers() -> list[int]:
    """The numbers of the keys in files, the oldest first."""
    found = (_NAME.fullmatch(path.name) for path in key_files.folder().glob("mark-*.key"))
    return sorted(int(match[1]) for match in found if match)


def _name(number: int) -> str:
    return f"mark-{number}.key"


def _read(number: int) -> bytes:
    try:
        text = key_files.read(_name(number), most=_MOST_BYTES)
    except OSError as error:
        raise MarkKeyError(f"The file {_name(number)} in DATA_DIR/keys cannot be read.") from error
    return _key(text.decode(errors="replace"))


def _write(marker: Marker) -> bool:
    """Whether the file is written; if not, there is one with that number."""
    try:
        key_files.write(_name(marker.key_number), b64encode(marker.key) + b"\n")
    except FileExistsError:
        return False
    except OSError as error:
        raise MarkKeyError("No key of the mark can be written to DATA_DIR/keys.") from error
    return True


def _key(text: str) -> bytes:
    try:
        key = b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise MarkKeyError("A key of the mark is not the base64 of 32 bytes.")
    return key
