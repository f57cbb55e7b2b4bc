from typing import Any

from django.core.management.base import CommandError

from accounts import sealing
from accounts.models import Checkpoint
from accounts.shell import RecordedCommand

STOPPED = 1


class Command(RecordedCommand):
    help = (
        "Seals all records that wait for it, signs a checkpoint, and copies it outside the "
        "database. Beat does this every five seconds. Exit code 1: the log could not be sealed."
    )

    def handle(self, **options: Any) -> None:
        try:
            sealed = sealing.seal(most_batches=None)
        except sealing.Stopped as stopped:
            raise CommandError(stopped.reason, returncode=STOPPED) from stopped
        last = Checkpoint.objects.order_by("pk").last()
        self.stdout.write(f"Sealed {sealed} records.")
        if last:
            self.stdout.write(f"The log has {last.size} sealed records.")
            self.stdout.write(f"Root: {bytes(last.root).hex()}")
        for trouble in sealing.copy().values():
            self.stderr.write(sealing.sentence(trouble))
