from typing import Any

from django.core.management.commands import loaddata

from accounts.shell import RecordedCommand, record_use


class Command(RecordedCommand, loaddata.Command):
    """Django's command, with a record of who used it."""

    def handle(self, *fixtures: Any, **options: Any) -> None:
        record_use("loaddata")
        super().handle(*fixtures, **options)
