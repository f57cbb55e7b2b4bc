"""Asking that something is erased: what it would be, and the order."""

from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.audit import erasing
from accounts.events import Event
from accounts.models import User
from generations import holds
from generations.erasing import mentions
from generations.erasing.targets import Target
from generations.erasing.troubles import ErasureRefused
from generations.models import Erasure

COUNTED_MOST = 10_000


class AlreadyAsked(Exception):
    """An erasure of the same person, run or image is not done yet."""


@dataclass(frozen=True)
class Preview:
    """What an erasure would erase. Numbers are at most `COUNTED_MOST` + 1.

    `refusal` says why it may not be erased now; it is empty if it may.
    """

    target: Target
    refusal: str
    numbers: list[tuple[str, str]] = field(default_factory=list)


def preview(target: Target) -> Preview:
    """What would be erased now."""
    records = [erasing.full(each) for each in target.records]
    numbers = [
        (_("Runs with their prompts"), _count(target.runs.filter(erased_at__isnull=True))),
        (_("Images"), _count(target.images.filter(erased_at__isnull=True))),
        (_("Uploads"), _count(target.uploads.filter(erased_at__isnull=True))),
        (_("Records whose texts are erased"), _most(sum(_counted(rows) for rows in records))),
    ]
    if target.scope == Erasure.Scope.PERSON:
        typed = mentions.count(mentions.known(target.row), most=COUNTED_MOST + 1)
        numbers.append((_("Searches for the person, and failed sign-ins"), _most(typed)))
    try:
        target.check()
    except ErasureRefused as refused:
        return Preview(target, refused.message, numbers)
    return Preview(target, "", numbers)


def ask(target: Target, *, reason: str, actor: User) -> Erasure:
    """Order an erasure, which a worker does. Raises ErasureRefused or AlreadyAsked."""
    try:
        with holds.decided():
            target.check()
            erasure = Erasure.objects.create(
                scope=target.scope,
                subject=target.row.uuid,
                pictures=target.pictures,
                reason=reason,
                asked_by=actor,
                next_try_at=timezone.now(),
            )
            _record(erasure, target, actor)
    except IntegrityError as error:
        raise AlreadyAsked from error
    return erasure


def _record(erasure: Erasure, target: Target, actor: User) -> None:
    audit.record(
        Event.ERASURE_ASKED,
        actor=actor,
        subject=target.row,
        story=target.story,
        facts={
            "erasure": str(erasure.uuid),
            "scope": str(erasure.scope),
            "pictures": erasure.pictures,
        },
        personal={"reason": erasure.reason},
    )


def _count(rows: QuerySet[Any]) -> str:
    return _most(_counted(rows))


def _counted(rows: QuerySet[Any]) -> int:
    return rows.order_by()[: COUNTED_MOST + 1].count()


def _most(number: int) -> str:
    if number > COUNTED_MOST:
        return _("more than %(most)d") % {"most": COUNTED_MOST}
    return str(number)
