from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from accounts import shell
from generations import certificates
from generations.models import LabelCertificate

REFUSED = 2
LONGEST_REASON = 1000


class Command(shell.RecordedCommand):
    help = (
        "Lets a new key sign images from now on: that of LABEL_CHAIN, or a new file in "
        "DATA_DIR/keys. Prints the SHA-256 of its certificate. Images that are signed already stay "
        "valid. If the key of the studio's root is lost, a new root is made too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new-root", action="store_true", help="make a new root too")
        parser.add_argument(
            "--compromised",
            action="store_true",
            help="others may have the key: make a new root, and withdraw every certificate that "
            "the studio made, or the last one before that of LABEL_CHAIN",
        )
        parser.add_argument(
            "--reason", default="", help="with --compromised: what happened, for the log"
        )

    def handle(self, *, new_root: bool, compromised: bool, reason: str, **options: Any) -> None:
        if compromised != bool(reason.strip()) or len(reason) > LONGEST_REASON:
            raise CommandError(
                "Give --compromised together with a --reason of at most 1000 characters."
            )
        try:
            with transaction.atomic():
                shell.record_use("rotate_label_key")
                row, withdrawn = (
                    certificates.withdraw(reason=reason.strip())
                    if compromised
                    else (certificates.rotate(new_root=new_root), [])
                )
        except certificates.Stopped as stopped:
            raise CommandError(stopped.reason, returncode=REFUSED) from stopped
        self.stdout.write(row.sha256)
        self._tell(withdrawn, compromised=compromised)

    def _tell(self, withdrawn: list[LabelCertificate], *, compromised: bool) -> None:
        if compromised and not withdrawn:
            self.stderr.write("No other certificate was left to withdraw.")
        for each in withdrawn:
            self.stderr.write(f"Withdrawn: {each.sha256}. To label its images again:")
            self.stderr.write(f"  manage.py relabel --only certificate --certificate {each.sha256}")
        if withdrawn:
            self.stderr.write("Give the new root (manage.py label_root) to those who have the old.")
