from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from accounts import shell
from generations import mark_keys

REFUSED = 2


class Command(shell.RecordedCommand):
    help = (
        "Lets a new key make the imperceptible mark from now on: a new file in DATA_DIR/keys. "
        "Prints its number. Keep the old files: they read the marks of older images."
    )

    def handle(self, **options: Any) -> None:
        try:
            with transaction.atomic():
                shell.record_use("rotate_mark_key")
                marker = mark_keys.rotate()
        except mark_keys.MarkKeyError as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        self.stdout.write(str(marker.key_number))
