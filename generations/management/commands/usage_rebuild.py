import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generations.usage import rebuilding

DIFFERENT = 1


class Command(BaseCommand):
    help = (
        "Adds the totals behind the usage pages up anew, from generations, images and the ledger. "
        "With --check, changes nothing and says which days differ. Exit code 1: some do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare only")
        parser.add_argument("--from", type=dt.date.fromisoformat, dest="first", metavar="DAY")
        parser.add_argument("--to", type=dt.date.fromisoformat, dest="last", metavar="DAY")

    def handle(
        self, *, check: bool, first: dt.date | None, last: dt.date | None, **options: Any
    ) -> None:
        rebuilding.complete(seconds=float("inf"))
        days = [
            day
            for day in rebuilding.days()
            if (first is None or day >= first) and (last is None or day <= last)
        ]
        if check:
            self._check(days)
            return
        for day in days:
            rebuilding.rebuild(day)
        self.stdout.write(f"The totals of {len(days)} days were added up anew.")

    def _check(self, days: list[dt.date]) -> None:
        different = 0
        for day in days:
            if found := rebuilding.differences(day):
                different += 1
                self.stdout.write(f"{day}: {found} totals differ")
        if different:
            raise CommandError(
                f"The totals of {different} days differ. Run usage_rebuild.", returncode=DIFFERENT
            )
        self.stdout.write(f"The totals of {len(days)} days equal what they add up.")
