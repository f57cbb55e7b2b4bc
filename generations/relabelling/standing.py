"""Whether labelling again comes further, for the watch."""

from datetime import timedelta

from django.utils import timezone

from generations.models import Relabelling
from generations.relabelling.troubles import BY_PERSON, SENTENCES

# New images go first, so an order may wait for a while.
LATE = timedelta(hours=1)


def why_late() -> str | None:
    """Why an order stands still, as a sentence, empty if nobody knows; None if none does."""
    late = Relabelling.objects.unfinished().filter(moved_at__lt=timezone.now() - LATE)
    stopped = Relabelling.objects.filter(status=Relabelling.Status.STOPPED)
    failed = stopped.exclude(trouble=BY_PERSON).order_by("moved_at").first()
    found = failed or late.order_by("moved_at").first()
    return str(SENTENCES.get(found.trouble, "")) if found else None
