"""Runs without images that people take out of the feed, and put back.

If the author dismisses a run, it leaves the feed of everybody who sees it; other people dismiss it
for themselves. Nothing is deleted. A run that brings images after all is shown again.
"""

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.identifiers import uuid_to_look_up
from accounts.models import User
from generations import live
from generations.models import Dismissal, Run
from generations.states import RunStatus

# Runs that have ended and have no image.
DISMISSIBLE = frozenset({RunStatus.FAILED, RunStatus.CANCELLED})


def can_dismiss(run: Run) -> bool:
    """Whether the run has ended without an image."""
    return run.status in DISMISSIBLE


def dismiss(run: Run, user: User) -> bool:
    """Take the run out of the feed; idempotent. Returns False if it has images or is open."""
    if not can_dismiss(run):
        return False
    Dismissal.objects.bulk_create([Dismissal(run=run, user=user)], ignore_conflicts=True)
    live.bump(user.pk)
    return True


def restore(run: Run, user: User) -> None:
    """Undo the person's dismissal; idempotent."""
    Dismissal.objects.filter(run=run, user=user).delete()
    live.bump(user.pk)


def has_dismissed(run: Run, user: User) -> bool:
    """Whether this person has dismissed the run."""
    return Dismissal.objects.filter(run=run, user=user).exists()


def dismissed_by(viewer: User, *, before: str = "") -> QuerySet[Dismissal]:
    """The viewer's dismissals, the last first: all, or those before that of the run `before`.

    If there is no such dismissal, all. Runs that the feed shows again, because they brought images
    after all, are left out.
    """
    rows = Dismissal.objects.filter(user=viewer).order_by("-pk")
    named = rows.filter(run__uuid=uuid_to_look_up(before)).first() if before else None
    rows = rows.filter(pk__lt=named.pk) if named else rows
    return rows.filter(run__team=viewer.team_id, run__status__in=DISMISSIBLE)


def without_dismissed(runs: QuerySet[Run], viewer: User) -> QuerySet[Run]:
    """Leave out the runs that the viewer, or their author, has dismissed."""
    by_either = Q(user=viewer) | Q(user=F("run__user"))
    dismissed = Dismissal.objects.filter(by_either, run=OuterRef("pk"))
    return runs.exclude(Exists(dismissed), status__in=DISMISSIBLE)
