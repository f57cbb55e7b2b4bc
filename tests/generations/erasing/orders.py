"""Erasing something from first to last, without a worker."""

from django.utils import timezone

from accounts import scrubbing
from generations.erasing import asking, targets, work
from generations.models import Erasure


def erase(monkeypatch, admin, scope, row, *, reason="asked for by letter"):
    """Erase with pictures, but leave remains in the database's files: VACUUM is no part of a test's
    transaction."""
    monkeypatch.setattr(scrubbing, "scrub", lambda tables, since: None)
    target = targets.target_of(scope, row.uuid, pictures=True)
    erasure = asking.ask(target, reason=reason, actor=admin)
    for _state in (Erasure.Status.EMPTYING, Erasure.Status.CLEANING):
        Erasure.objects.filter(pk=erasure.pk).update(next_try_at=timezone.now())
        work.work()
    erasure.refresh_from_db()
    assert (erasure.status, erasure.trouble) == (Erasure.Status.DONE, "")
