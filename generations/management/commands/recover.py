"""Runs one round of recovery by hand."""

from typing import Any

from accounts import shell
from generations.jobs import recovery


class Command(shell.RecordedCommand):
    help = "Finds stuck work and releases or settles it. Workers do this every few seconds."

    def handle(self, **options: Any) -> None:
        shell.record_use("recover")
        for step, rows in recovery.recover().items():
            self.stdout.write(f"{step}: {rows}")
