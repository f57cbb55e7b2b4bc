import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from accounts import ledger, shell
from accounts.errors import InvalidAmount
from accounts.models import Allowance, Entry, User

REFUSED = 2


class Command(shell.RecordedCommand):
    help = "Sets a person's credits for this month, and prints the month's credits as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the person's e-mail address")
        parser.add_argument("credits", help="the month's limit, a whole number of credits")
        parser.add_argument(
            "--reason",
            default="Set from the command line",
            help="shown to the person and kept in the log",
        )

    def handle(self, *, email: str, credits: str, reason: str, **options: Any) -> None:
        try:
            Entry._meta.get_field("reason").run_validators(reason)
            user = User.objects.select_related("team").get(email__iexact=email)
            allowance = _set(user, int(credits), reason)
        except User.DoesNotExist:
            raise CommandError(f"There is no person {email}.", returncode=REFUSED) from None
        except ValueError:
            raise CommandError(
                f"“{credits}” is not a whole number of credits.", returncode=REFUSED
            ) from None
        except ValidationError as error:
            raise CommandError(f"Reason: {error.messages[0]}", returncode=REFUSED) from None
        except InvalidAmount as error:
            raise CommandError(error.message, returncode=REFUSED) from None
        self.stdout.write(json.dumps(_standing(allowance)))


@transaction.atomic
def _set(user: User, credits: int, reason: str) -> Allowance:
    shell.record_use("set_quota", subject=user)
    return ledger.set_limit(user, credits, actor=None, reason=reason)


def _standing(allowance: Allowance) -> dict[str, int]:
    names = ("limit", "top_up", "reserved", "spent", "left")
    return {name: getattr(allowance, name) for name in names}
