"""Adds runs to the search index that are not in it."""

from argparse import ArgumentParser
from typing import Any

from accounts import shell
from generations.models import Run
from generations.models.prompt_index import index_next


class Command(shell.RecordedCommand):
    help = (
        "Adds runs that are not in the search index of the gallery. "
        "May be interrupted: the next start continues."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="index every run again")

    def handle(self, **options: Any) -> None:
        shell.record_use("index_prompts")
        at, total = 0, 0
        while True:
            at, indexed = index_next(Run.objects.all(), after=at, again=options["again"])
            total += indexed
            if not at:
                break
        self.stdout.write(f"Indexed prompts of {total} runs.")
