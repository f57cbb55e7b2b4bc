from typing import Any

from django.core.management.commands import dbshell

from accounts.shell import RecordedCommand, has_log, record_use


class Command(RecordedCommand, dbshell.Command):
    """Django's command, with a record of who used it: a console can do anything."""

    def handle(self, **options: Any) -> None:
        if has_log():
            record_use("dbshell")
        super().handle(**options)
