from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from accounts import shell
from generations import certificates

REFUSED = 2


class Command(shell.RecordedCommand):
    help = (
        "Lets a new key sign images from now on: that of LABEL_CHAIN, or a new file in "
        "DATA_DIR/keys. Prints the SHA-256 of its certificate. Images that are signed already stay "
        "valid. If the key of the studio's root is lost, a new root is made too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--new-root", action="store_true", help="Make a new root too: the old key got out."
        )

    def handle(self, *, new_root: bool, **options: Any) -> None:
        try:
            with transaction.atomic():
                shell.record_use("rotate_label_key")
                row = certificates.rotate(new_root=new_root)
        except certificates.Stopped as stopped:
            raise CommandError(stopped.reason, returncode=REFUSED) from stopped
        self.stdout.write(row.sha256)
