"""Legal holds: they are placed and lifted here, and stop whatever they cover from being erased."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from accounts.models import Studio, User
from generations.models import Campaign, Image, LegalHold, RetentionRule, Run

Scope = LegalHold.Scope
MODELS: dict[str, Any] = {
    Scope.PERSON: User,
    Scope.RUN: Run,
    Scope.CAMPAIGN: Campaign,
    Scope.IMAGE: Image,
}

# What pages name them by.
_SHOWN: dict[str, list[str]] = {
    Scope.PERSON: ["team"],
    Scope.RUN: ["user"],
    Scope.CAMPAIGN: ["team"],
    Scope.IMAGE: ["run__user"],
}


@contextmanager
def decided() -> Iterator[None]:
    """A transaction in which no hold is placed by another process, so that none comes too late.

    Whoever erases something commits to that in such a transaction.
    """
    with transaction.atomic():
        Studio.objects.get_or_create(pk=Studio.ONLY)
        Studio.objects.select_for_update().get(pk=Studio.ONLY)
        yield


def place(scope: str, row: Any, *, reason: str, actor: User) -> LegalHold:
    """Forbid that anything of `row` is erased. Repeated, it gives the hold that is in force."""
    with decided():
        values = {"reason": reason, "placed_by": actor}
        hold, is_new = LegalHold.objects.get_or_create(
            scope=scope, subject=row.uuid, lifted_at=None, defaults=values
        )
        if is_new:
            _record(Event.HOLD_PLACED, scope, row, reason, actor)
    return hold


def lift(hold: LegalHold, *, reason: str, actor: User) -> bool:
    """Lift a hold. Returns False if it was lifted before."""
    with decided():
        rows = LegalHold.objects.filter(pk=hold.pk, lifted_at__isnull=True)
        if not rows.update(lifted_at=timezone.now()):
            return False
        # What the hold kept is older than what the rules look at.
        RetentionRule.objects.update(done_before=None)
        _record(Event.HOLD_LIFTED, hold.scope, subject_of(hold), reason, actor)
    return True


def subject_of(hold: LegalHold) -> Any:
    """The person, run, campaign or image that is held."""
    return MODELS[hold.scope].objects.get(uuid=hold.subject)


def subjects_of(rows: Iterable[LegalHold]) -> dict[UUID, Any]:
    """What is held, by its identifier, with its person or team: a query for each kind."""
    wanted: dict[str, list[UUID]] = {}
    for hold in rows:
        wanted.setdefault(hold.scope, []).append(hold.subject)
    return {
        row.uuid: row
        for scope, identifiers in wanted.items()
        for row in MODELS[scope].objects.select_related(*_SHOWN[scope]).filter(uuid__in=identifiers)
    }


def held(scope: str, **identifier: Any) -> Exists:
    """Whether a hold of this scope is in force; `identifier` gives the column `subject`."""
    return Exists(LegalHold.objects.filter(scope=scope, lifted_at__isnull=True, **identifier))


def covers_run() -> Q:
    """A condition on `Run`: the run, its person, its campaign or one of its images is held."""
    images = LegalHold.objects.filter(scope=Scope.IMAGE, lifted_at__isnull=True)
    return (
        Q(held(Scope.RUN, subject=OuterRef("uuid")))
        | Q(held(Scope.PERSON, subject=OuterRef("user__uuid")))
        | Q(held(Scope.CAMPAIGN, subject=OuterRef("campaign__uuid")))
        | Q(pk__in=Image.objects.filter(uuid__in=images.values("subject")).values("run"))
    )


def covers_image() -> Q:
    """A condition on `Image`: the image, its run, its person or its campaign is held."""
    return (
        Q(held(Scope.IMAGE, subject=OuterRef("uuid")))
        | Q(held(Scope.RUN, subject=OuterRef("run__uuid")))
        | Q(held(Scope.PERSON, subject=OuterRef("run__user__uuid")))
        | Q(held(Scope.CAMPAIGN, subject=OuterRef("run__campaign__uuid")))
    )


def held_people() -> QuerySet[User]:
    """The people of whom nothing may be erased."""
    return User.objects.filter(held(Scope.PERSON, subject=OuterRef("uuid")))


def in_force() -> int:
    """How many holds are in force."""
    return LegalHold.objects.filter(lifted_at__isnull=True).count()


def is_held(scope: str, identifier: UUID) -> bool:
    return LegalHold.objects.filter(
        scope=scope, subject=identifier, lifted_at__isnull=True
    ).exists()


def _record(event: Event, scope: str, row: Any, reason: str, actor: User) -> None:
    audit.record(
        event,
        actor=actor,
        subject=row,
        story=_story(row),
        facts={"scope": str(scope)},
        personal={"reason": reason},
    )


def _story(row: Any) -> UUID | None:
    if isinstance(row, Run):
        return row.uuid
    return row.run.uuid if isinstance(row, Image) else None
