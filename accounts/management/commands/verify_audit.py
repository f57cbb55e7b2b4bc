import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, OutputWrapper

from accounts.evidence.live import verify_log

DAMAGED = 1
# Seconds between two sentences about how far it is.
EVERY = 3.0
NUMBERS = (
    "Records are named by their place in the log, counted from 0. A number with # is the one that "
    "the pages show, counted from 1."
)
ADVICE = (
    "Find out who changed the database, and keep a copy of it. Then `manage.py "
    "audit_accept_damage --reason TEXT` puts the damage on the record and passes over it."
)


class Telling:
    """Says every few seconds how far the verification is."""

    def __init__(self, output: OutputWrapper) -> None:
        self._output, self._due = output, time.monotonic() + EVERY

    def tell(self, done: int, of: int) -> None:
        if time.monotonic() >= self._due:
            self._output.write(f"verified {done:,} of {of:,} records")
            self._due = time.monotonic() + EVERY


class Command(BaseCommand):
    help = (
        "Verifies the log in the database: records, payloads, places, checkpoints, and the copies "
        "of checkpoints outside the database. Exit code 0: the log is sound, apart from damage "
        "that somebody has accepted on the record. Exit code 1: it is not sound."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *, json: bool, **options: Any) -> None:
        is_watched = self.stderr.isatty() and not json
        found = verify_log(Telling(self.stderr).tell) if is_watched else verify_log()
        self.stdout.write(_json(found) if json else _text(found))
        if not (found["integrity"]["ok"] and found["complete"]["ok"]):
            sys.exit(DAMAGED)


def _json(found: dict[str, Any]) -> str:
    return json.dumps(found)


def _text(found: dict[str, Any]) -> str:
    integrity, complete = found["integrity"], found["complete"]
    first_bad, missing, unread = integrity["first_bad"], complete["missing"], found["unread"]
    return "\n".join(
        [
            f"{found['records']} records were read. {found['sealed']} records are sealed.",
            "Integrity: " + ("sound." if integrity["ok"] else f"NOT SOUND. First: {first_bad}."),
            *(f"  {text}" for text in integrity["told"]),
            "Completeness: " + ("complete." if complete["ok"] else f"NOT COMPLETE: {missing}."),
            *_accepted(found["accepted"], found["accepted_rows"]),
            f"Proven by checkpoints: records {found['proven'] or 'none'}.",
            *(f"Not compared, because the studio may not read it: {name}." for name in unread),
            NUMBERS,
            *([] if integrity["ok"] and complete["ok"] else [ADVICE]),
        ]
    )


def _accepted(ranges: list[Any], rows: list[str]) -> Iterator[str]:
    """Name what records "log:damage_accepted" have accepted: ranges of records, and rows."""
    if ranges:
        places = ", ".join(f"{first} to {last}" for first, last, _until in ranges)
        yield f"Accepted on the record as damaged: records {places}. They are not proven."
    if rows:
        yield f"Accepted on the record although no record knows them: {', '.join(rows)}."
