from typing import Any

from django.core.management.commands import shell

from accounts.shell import RecordedCommand, has_log, record_use


class Command(RecordedCommand, shell.Command):
    """Django's command, with a record of who used it: a shell can do anything."""

    def handle(self, **options: Any) -> None:
        if has_log():
            record_use("shell")
        super().handle(**options)
