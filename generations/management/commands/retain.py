from argparse import ArgumentParser
from typing import Any

from accounts import shell
from generations import holds
from generations.erasing import retention


class Command(shell.RecordedCommand):
    help = (
        "Orders what the active retention rules erase by age; workers do it. Beat does the same "
        "each night."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only say what each rule would erase now, also of rules that are not active",
        )

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        if not dry_run:
            shell.record_use("retain")
            self.stdout.write(f"Ordered {retention.order_due()} erasures.")
            return
        for due in retention.due():
            more = "more than " if due.is_more else ""
            count = min(due.count, retention.COUNTED_MOST)
            since = f", the oldest of {due.oldest:%Y-%m-%d}" if due.oldest else ""
            state = "" if due.rule.is_active else " (not active)"
            self.stdout.write(f"{due.rule}{state}: {more}{count}{since}")
        if number := holds.in_force():
            self.stdout.write(f"What the legal holds cover is left out. In force: {number}.")
