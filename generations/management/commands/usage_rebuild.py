import datetime as dt
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generations.usage import rebuilding
from generations.usage.totals import month_of

DIFFERENT = 1


class Command(BaseCommand):
    help = (
        "Adds the totals behind the usage pages up anew, from generations, images and the ledger. "
        "With --check, changes nothing and says which days and months differ. Exit code 1: some do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare only")
        parser.add_argument("--from", type=dt.date.fromisoformat, dest="first", metavar="DAY")
        parser.add_argument("--to", type=dt.date.fromisoformat, dest="last", metavar="DAY")

    def handle(
        self, *, check: bool, first: dt.date | None, last: dt.date | None, **options: Any
    ) -> None:
        rebuilding.complete(seconds=float("inf"))
        days = [day for day in rebuilding.days() if _is_between(first, day, last)]
        months = [
            month
            for month in rebuilding.months()
            if _is_between(first and month_of(first), month, last)
        ]
        if check:
            self._check(days, months)
            return
        for day in days:
            rebuilding.rebuild(day)
        for month in months:  # also those in which nothing is left
            rebuilding.rebuild_month(month)
        self.stdout.write(f"The totals of {len(days)} days were added up anew.")

    def _check(self, days: list[dt.date], months: list[dt.date]) -> None:
        different = self._differing(days, rebuilding.differences, "%Y-%m-%d")
        different += self._differing(months, rebuilding.differences_of_month, "%Y-%m")
        if different:
            raise CommandError(
                f"The totals of {different} days and months differ. Run usage_rebuild.",
                returncode=DIFFERENT,
            )
        self.stdout.write(
            f"The totals of {len(days)} days and {len(months)} months equal what they add up."
        )

    def _differing(
        self, starts: list[dt.date], differences: Callable[[dt.date], int], form: str
    ) -> int:
        """Say which days or months differ. Return how many."""
        different = 0
        for start in starts:
            if found := differences(start):
                different += 1
                self.stdout.write(f"{start:{form}}: {found} totals differ")
        return different


def _is_between(first: dt.date | None, day: dt.date, last: dt.date | None) -> bool:
    return (first is None or day >= first) and (last is None or day <= last)
