"""Which images are labelled again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Studio, Team
from generations import label_policies
from generations.labelling import LABEL_VERSION
from generations.models import Campaign, Image, Relabelling, Rendition

Scope, Only = Relabelling.Scope, Relabelling.Only

_MODELS: dict[str, Any] = {
    Scope.ALL: Studio,
    Scope.TEAM: Team,
    Scope.CAMPAIGN: Campaign,
    Scope.IMAGE: Image,
}
_LACKING: dict[str, Callable[[str], Q]] = {
    Only.OLD: lambda _certificate: Q(label_version__lt=LABEL_VERSION),
    Only.POLICY: lambda _certificate: label_policies.outdated(),
    Only.UNSIGNED: lambda _certificate: Q(certificate=""),
    Only.UNSTAMPED: lambda _certificate: Q(is_stamped=False),
    Only.UNMARKED: lambda _certificate: Q(mark_key__isnull=True),
    Only.UNSEEN: lambda _certificate: Q(image__arrived_with={}),
    Only.CERTIFICATE: lambda certificate: Q(certificate=certificate),
}


@dataclass(frozen=True)
class Choice:
    """The images of `subject`, a row of the kind that `scope` names; with `only`, some of them.

    `certificate` is the SHA-256 of a certificate, in hex, for `Only.CERTIFICATE`.
    """

    scope: str
    subject: Any
    only: str = Only.EVERY
    certificate: str = ""


def everything() -> Studio:
    """The subject of `Scope.ALL`."""
    return Studio.objects.get_or_create(pk=Studio.ONLY)[0]


def choice_of(order: Relabelling) -> Choice | None:
    """What an order is about; None if that does not exist any more."""
    subject = _MODELS[order.scope].objects.filter(uuid=order.subject).first()
    return subject and Choice(order.scope, subject, order.only, order.certificate)


def images(choice: Choice) -> QuerySet[Image]:
    """The images that are to be labelled again now, hidden ones too, without those erased."""
    found = Image.objects.filter(erased_at__isnull=True)
    if choice.scope == Scope.TEAM:
        found = found.filter(team=choice.subject)
    elif choice.scope == Scope.CAMPAIGN:
        found = found.filter(run__campaign=choice.subject)
    elif choice.scope == Scope.IMAGE:
        found = found.filter(pk=choice.subject.pk)
    if lacking := _LACKING.get(choice.only):
        files = Rendition.objects.filter(lacking(choice.certificate), image=OuterRef("pk"))
        found = found.filter(Exists(files))
    return found


def is_better(choice: Choice, files: Iterable[Rendition]) -> bool:
    """Whether new files have what the old ones lacked."""
    lacks: dict[str, Callable[[Rendition], bool]] = {
        Only.OLD: lambda row: row.label_version < LABEL_VERSION,
        Only.UNSIGNED: lambda row: not row.certificate,
        Only.UNSTAMPED: lambda row: row.is_stamped is False,
        Only.UNMARKED: lambda row: row.mark_key is None,
        Only.CERTIFICATE: lambda row: row.certificate == choice.certificate,
    }
    still = lacks.get(choice.only, lambda _row: False)
    return not any(map(still, files))
