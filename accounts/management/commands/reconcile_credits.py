from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import ledger

DRIFTED = 1


class Command(BaseCommand):
    help = "Checks that every allowance equals the sum of its entries. Exit code 1: one does not."

    def handle(self, **options: Any) -> None:
        drifts = ledger.reconcile()
        for drift in drifts:
            self.stdout.write(
                f"{drift.allowance}: columns {dict(drift.columns)}, entries {dict(drift.sums)}"
            )
        if drifts:
            raise CommandError("Some allowances differ from their entries.", returncode=DRIFTED)
        self.stdout.write("Every allowance equals the sum of its entries.")
