"""One page of the list of the log."""

from dataclasses import dataclass, replace

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts import audit, keyset
from accounts.audit import searching
from accounts.audit.searching import Asked
from accounts.models import Record, User
from generations.reading.log.lines import Line, lines_of
from generations.reading.log.rows import rows_of

PAGE_SIZE = 25
LONGEST_CURSOR = 15  # digits


@dataclass(frozen=True)
class LogPage:
    """Lines, newest first. `next_cursor` leads to older ones; it is empty if there are none.

    If the search stopped before it had filled the page, `stopped` says how far it got.
    """

    lines: list[Line]
    next_cursor: str = ""
    stopped: str = ""

    @property
    def rows(self) -> list[SafeString]:
        """The lines as rows of a table."""
        return rows_of(self.lines)

    @property
    def authors(self) -> set[int]:
        """The keys of the people whose prompts are shown."""
        return {line.author for line in self.lines if line.author is not None}


def page(reader: User, asked: Asked, *, cursor: str = "") -> LogPage:
    """The newest lines that `reader` may see and `asked` matches, or those older than `cursor`."""
    if _is_in_order_of_time(asked):
        return _by_time(reader, asked, cursor)
    before = int(cursor) if _is_number(cursor) else None
    listed = searching.newest(reader, asked, before=before, size=PAGE_SIZE)
    return LogPage(
        lines_of(listed.records, reader),
        str(listed.rest) if listed.rest is not None else "",
        _how_far(listed, asked),
    )


def _is_in_order_of_time(asked: Asked) -> bool:
    """Whether indexes of the tables themselves answer, which need no bound."""
    rest = replace(asked, person=None, event="", team=None, since=None, until=None)
    return asked.lists_records and not rest.is_filtered


def _by_time(reader: User, asked: Asked, cursor: str) -> LogPage:
    place = keyset.place_of(audit.visible_to(reader), cursor, time="at")
    chosen = audit.Chosen(asked.event, asked.person, asked.team, asked.since, asked.until)
    records, more = audit.newest_visible_to(reader, place, size=PAGE_SIZE, chosen=chosen)
    return LogPage(lines_of(records, reader), str(records[-1].uuid) if more else "")


def _is_number(cursor: str) -> bool:
    return cursor.isascii() and cursor.isdecimal() and len(cursor) <= LONGEST_CURSOR


def _how_far(listed: searching.Listed, asked: Asked) -> str:
    if listed.is_cut:
        return _("These runs have more records than fit here: their stories show all of them.")
    if listed.rest is None or (len(listed.records) >= PAGE_SIZE):
        return ""
    if asked.lists_records and listed.records and asked.is_of_runs:
        return ""  # The records of a few runs fill a page.
    reached = Record.objects.filter(pk__gte=listed.rest).order_by("pk")
    at = reached.values_list("at", flat=True).first()
    if at is None:
        return _("Older records have not been searched yet.")
    day = date_format(timezone.localtime(at))
    return _("Searched back to %(day)s. Older records have not been searched yet.") % {"day": day}
