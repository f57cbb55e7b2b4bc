"""What a person's page in the admin says of their work: counts, never prompts."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import person_page
from accounts.admin.person_page import Fact
from accounts.models import User
from generations.models import Run

DAYS = 30
# Runs that are counted at most.
MOST_RUNS = 1_000


def last_work(person: User) -> Iterator[Fact]:
    """The runs and images of the last 30 days, and when the last run was asked for."""
    since = timezone.now() - timedelta(days=DAYS)
    newest = Run.objects.filter(user=person, created_at__gte=since).newest()[:MOST_RUNS]
    runs = list(newest.values_list("delivered", "created_at"))
    images = sum(delivered for delivered, _at in runs)
    yield Fact(_("Images in the last 30 days"), _counted(images, len(runs)))
    last = Run.objects.filter(user=person).newest().values_list("created_at", flat=True).first()
    zone = person.team.tzinfo
    when = date_format(last.astimezone(zone), "DATETIME_FORMAT") if last else gettext("none yet")
    yield Fact(_("Last run"), when)


def _counted(images: int, runs: int) -> str:
    in_runs = ngettext("%(runs)d run", "%(runs)d runs", runs) % {"runs": runs}
    text = ngettext("%(images)d, in %(runs)s", "%(images)d, in %(runs)s", images)
    return text % {"images": images, "runs": in_runs}


person_page.FACTS.append(last_work)
