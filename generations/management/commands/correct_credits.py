from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from accounts import shell
from accounts.identifiers import uuid_of
from accounts.models import Entry
from generations import proof
from generations.models import Finding
from generations.reading import proofs

REFUSED = 2


class Command(shell.RecordedCommand):
    help = (
        "Corrects what reconcile_credits has found, by entries with a reason. Without a finding, "
        "lists those that are open. No entry is ever edited."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("finding", nargs="?", help="the identifier that the proof printed")
        parser.add_argument("--reason", default="", help="why, as the owner and the log show it")

    def handle(self, *, finding: str | None, reason: str, **options: Any) -> None:
        if finding is None:
            self._list()
            return
        uuid = uuid_of(finding)
        row = Finding.objects.filter(uuid=uuid).first() if uuid else None
        if row is None:
            raise CommandError(f"There is no finding {finding}.", returncode=REFUSED)
        try:
            Entry._meta.get_field("reason").run_validators(reason)
            proof.correct(row, actor=None, reason=reason)
        except ValidationError as error:
            raise CommandError(f"Reason: {error.messages[0]}", returncode=REFUSED) from None
        except proof.CorrectionRefused as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        self.stdout.write("Corrected. Run reconcile_credits to prove it.")

    def _list(self) -> None:
        for each in Finding.objects.filter(ended_at__isnull=True).iterator():
            self.stdout.write(f"{each.uuid} {proofs.in_words(each)}")
