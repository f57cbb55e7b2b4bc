"""Whether erasures come further, for the watch."""

from datetime import timedelta

from django.utils import timezone

from generations.erasing.troubles import SENTENCES
from generations.models import Erasure

LATE = timedelta(minutes=15)


def why_late() -> str | None:
    """Why an erasure stands still, as a sentence, empty if nobody knows; None if none does."""
    late = Erasure.objects.unfinished().filter(moved_at__lt=timezone.now() - LATE)
    stopped = Erasure.objects.filter(status=Erasure.Status.STOPPED)
    found = stopped.order_by("moved_at").first() or late.order_by("moved_at").first()
    return str(SENTENCES.get(found.trouble, "")) if found else None
