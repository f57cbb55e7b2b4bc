from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from accounts import shell
from accounts.models import Studio
from accounts.sealing import Stopped, keys

REFUSED = 2


class Command(shell.RecordedCommand):
    help = (
        "Lets a new key sign the log from now on: that of LOG_SIGNING_KEY, or a new file in "
        "DATA_DIR/keys. Prints the new public key. Old public keys are kept, and old checkpoints "
        "stay valid. Keep the old file until the next checkpoint, which both keys then sign."
    )

    def handle(self, **options: Any) -> None:
        studio, _ = Studio.objects.get_or_create(pk=Studio.ONLY)
        try:
            with transaction.atomic():
                shell.record_use("rotate_log_key", subject=studio)
                key = keys.rotate()
        except Stopped as stopped:
            raise CommandError(stopped.reason, returncode=REFUSED) from stopped
        self.stdout.write(key.vkey)
