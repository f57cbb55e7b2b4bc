"""One round of recovery by hand."""

from typing import Any

from django.core.management.base import BaseCommand

from generations import recovery


class Command(BaseCommand):
    help = "Finds what got stuck and puts it back or settles it, as beat does every few seconds."

    def handle(self, **options: Any) -> None:
        for step, rows in recovery.recover().items():
            self.stdout.write(f"{step}: {rows}")
