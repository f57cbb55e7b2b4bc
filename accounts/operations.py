"""How the studio is run, on the record: starts and stops of programs, settings, migrations.

These records concern no team. A program that restarts again and again is counted, so it cannot
flood the log. A process that is killed leaves no record of its end.
"""

import logging
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db import DatabaseError, transaction

from accounts import audit, origin
from accounts.audit import tallies
from accounts.events import Event
from accounts.models import Record, Studio

log = logging.getLogger(__name__)

# Records of settings among which the newest of a program and machine is looked for.
MOST_LOOKED_AT = 50

_unrecorded: set[str] = set()


def started(program: str) -> None:
    """Record that this process has started as `program`, and which settings have changed.

    A program starts without its record while the database is away; `catch_up` then writes it.
    """
    _unrecorded.add(program)
    catch_up()


def catch_up() -> None:
    """Record the starts of this process that could not be recorded yet. Cheap if there are none."""
    for program in sorted(_unrecorded):
        try:
            _note(Event.STUDIO_STARTED, program)
            _note_settings(program)
        except DatabaseError as error:  # its text may name the host
            log.warning("the start of %s is not on record yet: %s", program, type(error).__name__)
        else:
            _unrecorded.discard(program)


def stopped(program: str) -> None:
    """Record that this process ends in good order. Never keeps it from ending."""
    try:
        _note(Event.STUDIO_STOPPED, program)
    except Exception as error:
        log.warning("the end of %s could not be recorded: %s", program, type(error).__name__)


@transaction.atomic
def migrated(*, applied: Sequence[str], unapplied: Sequence[str]) -> None:
    """Record which migrations were applied and taken back, in this order."""
    audit.record(
        Event.STUDIO_MIGRATED,
        actor=None,
        subject=_studio(),
        facts={
            "studio": settings.STUDIO_VERSION,
            "applied": list(applied),
            "unapplied": list(unapplied),
        },
    )


def _note(event: Event, program: str) -> None:
    who = origin.who()
    tallies.note(
        event,
        address=f"{program} {settings.STUDIO_VERSION} {who['host']}",
        subject=_studio(),
        facts={"program": program, "studio": settings.STUDIO_VERSION},
        personal=who,
    )


@transaction.atomic
def _note_settings(program: str) -> None:
    """Record the settings of `program` on this machine, if they differ from the last record."""
    # Processes of one program that start together take turns.
    studio = Studio.objects.select_for_update(no_key=True).get(pk=_studio().pk)
    who, digests = origin.who(), settings.SETTING_DIGESTS
    before = _last_digests(program, who["host"])
    if before == digests:
        return
    audit.record(
        Event.STUDIO_CONFIGURED,
        actor=None,
        subject=studio,
        facts={"program": program, "changed": _changed(before, digests), "digests": digests},
        personal=who,
    )


def _last_digests(program: str, host: str) -> Mapping[str, str]:
    newest = Record.objects.filter(event=Event.STUDIO_CONFIGURED).order_by("-at", "-id")
    for row in newest.select_related("payload")[:MOST_LOOKED_AT]:
        is_here = (row.payload.data or {}).get("host") == host
        if is_here and row.facts["program"] == program:
            return row.facts["digests"]
    return {}


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of settings that differ; none for the first record of a program.

    All hashes depend on SECRET_KEY: when it has changed, nothing can be said of the others.
    """
    if not before:
        return []
    if before.get("SECRET_KEY") != now.get("SECRET_KEY"):
        return ["SECRET_KEY"]
    names = before.keys() | now.keys()
    return sorted(name for name in names if before.get(name) != now.get(name))


def _studio() -> Studio:
    return Studio.objects.get_or_create(pk=Studio.ONLY)[0]
