import re
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.core.management.base import CommandError

from accounts import shell
from accounts.identifiers import uuid_of
from accounts.models import Team
from generations.models import Campaign, Image, Relabelling
from generations.relabelling import asking, choosing
from generations.relabelling.choosing import Choice, Only, Scope

NAMES = {Scope.TEAM: Team, Scope.CAMPAIGN: Campaign, Scope.IMAGE: Image}
SHA256 = re.compile(r"[0-9a-f]{64}")


class Command(shell.RecordedCommand):
    help = (
        "Makes the labelled files of images again, with the labels of today: all images, or those "
        "chosen. A worker does it, new images first; the list in the admin says how far it is. "
        "Each new file gets a new address, and the old address leads to it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument("--team", help="only images of the team with this name or identifier")
        chosen.add_argument(
            "--campaign", help="only images of the campaign with this name or identifier"
        )
        chosen.add_argument("--image", help="only the image with this identifier")
        parser.add_argument(
            "--only",
            choices=[each for each in Only.values if each],
            default="",
            help="only images with a file that is old (labelled by an older version of the "
            "studio), labelled by another policy than today's, unsigned, unstamped, unmarked, "
            "unseen (nobody has looked into the original for marks of its provider), or signed "
            "with --certificate",
        )
        parser.add_argument(
            "--certificate", default="", metavar="SHA256", help="with --only certificate"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only count what would be done, and end"
        )
        parser.add_argument(
            "--progress", action="store_true", help="only print how far orders at work are, and end"
        )

    def handle(self, *, dry_run: bool, progress: bool, **options: Any) -> None:
        if progress:
            return self._tell_progress()
        choice = _choice(options)
        found = asking.preview(choice)
        self.stdout.write(f"{found.images} images with {found.files} labelled files.")
        if dry_run or not found.images:
            return None
        try:
            order = asking.ask(choice, actor=None)
        except asking.AlreadyAsked as error:
            raise CommandError("The same is being labelled again already.") from error
        self.stdout.write(f"Ordered: {order.uuid}. A worker labels them, new images first.")
        return None

    def _tell_progress(self) -> None:
        for order in Relabelling.objects.unfinished().order_by("pk"):
            done = order.done + order.unchanged + order.left_out
            text = f"{order.uuid}: {done} of {order.total}, {order.left_out} left out"
            self.stdout.write(f"{text}; {order.trouble}" if order.trouble else text)


def _choice(options: dict[str, Any]) -> Choice:
    only, certificate = options["only"], options["certificate"].lower().replace(":", "")
    is_given = bool(SHA256.fullmatch(certificate))
    if (only == Only.CERTIFICATE) != is_given or bool(certificate) != is_given:
        raise CommandError("Give --only certificate together with the SHA-256 of a certificate.")
    for scope, model in NAMES.items():
        if text := options[scope]:
            return Choice(scope, _find(model, text), only, certificate)
    return Choice(Scope.ALL, choosing.everything(), only, certificate)


def _find(model: Any, text: str) -> Any:
    identifier = uuid_of(text)
    if not identifier and model is Image:
        raise CommandError("Give the identifier of the image.")
    try:
        return model.objects.get(**({"uuid": identifier} if identifier else {"name": text}))
    except ObjectDoesNotExist as error:
        raise CommandError(f"There is no {model._meta.verbose_name} {text}.") from error
    except MultipleObjectsReturned as error:
        raise CommandError(f"Several have the name {text}: give the identifier.") from error
