"""Runs one round of recovery by hand."""

from typing import Any

from django.core.management.base import BaseCommand

from generations.jobs import recovery


class Command(BaseCommand):
    help = "Finds stuck work and releases or settles it. Workers do this every few seconds."

    def handle(self, **options: Any) -> None:
        for step, rows in recovery.recover().items():
            self.stdout.write(f"{step}: {rows}")
