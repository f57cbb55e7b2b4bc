from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from accounts import shell
from generations import mark_keys

REFUSED = 2


class Command(shell.RecordedCommand):
    help = (
        "Lets a new key make the imperceptible mark from now on: a new file in DATA_DIR/keys. "
        "Prints its number. Keep the old files: they read the marks of older images."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--give-up",
            type=int,
            metavar="NUMBER",
            help="make no key, but record that this one is lost for good, and end its notice",
        )

    def handle(self, *, give_up: int | None, **options: Any) -> None:
        try:
            with transaction.atomic():
                shell.record_use("rotate_mark_key")
                if give_up is not None:
                    return mark_keys.give_up(give_up)
                marker = mark_keys.rotate()
        except mark_keys.MarkKeyError as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        self.stdout.write(str(marker.key_number))
        return None
