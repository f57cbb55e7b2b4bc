"""Print the page `docs/log.md` from the vocabulary of the log."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation

from accounts.audit.vocabulary import COUNTS, FROM_SHELL, ORIGIN, TABLE, Declared, Value
from accounts.events import Event

PREFACE = """\
# What the log records

Made from `accounts/audit/vocabulary/table.py` by `manage.py describe_log`; do not edit it.

Each record names its event, its time, who acted, what it is about, and the teams of both. Its
*facts* are open to all who may see the record. Its *payload* holds personal values under a salt,
and can be erased; the record keeps its digest. A record of a run also has the fact `story`, the
run's identifier.

A value without a note is in every record of its event. *Optional* values may be missing. A version
says since which version of the record a value exists; older records lack it.
"""

COMMON = """
Any record can also say where the act came from: a person's act, from which address and session the
request came; what is done with a command, which command, which user of the operating system, and on
which machine.
"""

COUNTED = """
Events marked *counted* can be repeated by strangers. One record is written for each address and ten
minutes. If there were more, a second record follows, with the facts `first` (the identifier of the
first record) and:
"""


class Command(BaseCommand):
    help = "Prints all events that the log records, with their facts, as Markdown."

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            self.stdout.write("\n".join(_page()))


def _page() -> Iterator[str]:
    yield PREFACE
    for event, declared in TABLE.items():
        yield from _section(event, declared)
    yield COMMON
    yield from _table([*_in("fact", FROM_SHELL), *_in("payload", ORIGIN)])
    yield COUNTED
    yield from _table(_in("fact", COUNTS))


def _section(event: Event, declared: Declared) -> Iterator[str]:
    yield f"## {event.label}"
    yield ""
    yield f"`{event.value}`" + (", counted" if declared.counted else "")
    yield ""
    rows = _in("fact", declared.facts) + _in("payload", declared.personal)
    if rows:
        yield from _table(rows)
        yield ""


def _in(where: str, values: Iterable[Value]) -> list[tuple[str, Value]]:
    return [(where, value) for value in values]


def _table(rows: list[tuple[str, Value]]) -> Iterator[str]:
    yield "| name | what | type | where | |"
    yield "| --- | --- | --- | --- | --- |"
    for where, value in rows:
        yield f"| `{value.name}` | {value.label} | {value.kind} | {where} | {_notes(value)} |"


def _notes(value: Value) -> str:
    notes = {
        "optional": not value.required,
        "may be null": value.nullable,
        f"since version {value.since}": value.since > 1,
    }
    return ", ".join(note for note, holds in notes.items() if holds)
