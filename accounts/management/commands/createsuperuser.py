from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.db import transaction

from accounts import shell
from accounts.models import User


class Command(shell.RecordedCommand, createsuperuser.Command):
    """Django's command, with a record of who used it."""

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        newest = User.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        super().handle(*args, **options)
        for made in User.objects.filter(pk__gt=newest, is_superuser=True):
            shell.record_use("createsuperuser", subject=made)
