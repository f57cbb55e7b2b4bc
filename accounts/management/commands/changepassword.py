import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction

from accounts import shell
from accounts.models import User


class Command(shell.RecordedCommand, changepassword.Command):
    """Django's command, with a record of who used it."""

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> str | None:
        said = super().handle(*args, **options)
        user = User.objects.get_by_natural_key(options["username"] or getpass.getuser())
        shell.record_use("changepassword", subject=user)
        return said
