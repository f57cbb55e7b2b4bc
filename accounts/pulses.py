"""Signs of life of programs that have no row in `Worker`, for example Celery's beat."""

from django.db.models.functions import Now

from accounts.models import Pulse

# Recorded when a message of Celery's beat arrives at a worker.
BEAT = "beat"


def note(name: str) -> None:
    """Record, by the database's clock, that `name` is alive."""
    if not Pulse.objects.filter(pk=name).update(seen_at=Now()):
        Pulse.objects.bulk_create([Pulse(name=name, seen_at=Now())], ignore_conflicts=True)


def seconds_since(name: str) -> float | None:
    """Seconds since `name` was last alive; None if it never was."""
    pulse = Pulse.objects.filter(pk=name).annotate(now=Now()).first()
    return max(0.0, (pulse.now - pulse.seen_at).total_seconds()) if pulse else None
