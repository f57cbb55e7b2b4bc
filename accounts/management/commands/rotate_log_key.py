from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.sealing import Stopped, keys

REFUSED = 2


class Command(BaseCommand):
    help = (
        "Lets a new key sign the log from now on: that of LOG_SIGNING_KEY, or a new file in "
        "DATA_DIR/keys. Prints the new public key. Old public keys are kept, and old checkpoints "
        "stay valid. Keep the old file until the next checkpoint, which both keys then sign."
    )

    def handle(self, **options: Any) -> None:
        try:
            key = keys.rotate()
        except Stopped as stopped:
            raise CommandError(stopped.reason, returncode=REFUSED) from stopped
        self.stdout.write(key.vkey)
