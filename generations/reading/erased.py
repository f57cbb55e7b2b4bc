"""What was erased, and what erasures came to, as sentences."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.events import Event
from accounts.phrases import listed
from generations.models import RetentionRule
from generations.reading import amounts

Facts = Mapping[str, Any]
_COUNTED = {
    "records": amounts.records,
    "runs": amounts.runs,
    "images": amounts.images,
    "uploads": amounts.uploads,
}


def _by_age(facts: Facts) -> str:
    """What the rule is about, how old it was, and how many were erased; days are those of UTC."""
    counts = [counted(facts[name]) for name, counted in _COUNTED.items() if facts[name]]
    return _("%(what)s, older than %(day)s (%(days)d days): %(counts)s") % {
        "what": RetentionRule.Kind(facts["kind"]).label,
        "day": date_format(datetime.fromisoformat(facts["before"]), "DATE_FORMAT"),
        "days": facts["days"],
        "counts": listed(*counts),
    }


def _emptied(facts: Facts) -> str:
    return amounts.records(len(facts["records"]))


def _erasure_stopped(facts: Facts) -> str:
    reasons = {
        "held": _("A legal hold forbids it"),
        "unfinished": _("Images may still arrive"),
        "still_active": _("The person can still sign in"),
        "storage_away": _("The file storage could not be reached"),
        "database_busy": _("The database could not do it"),
    }
    return reasons.get(facts["why"], "")


def _erased(facts: Facts) -> str:
    images = amounts.images(facts["images"]) if facts["images"] else ""
    kept = facts.get("files_kept", 0)
    told = ngettext(
        "the bucket keeps versions of %(count)d file",
        "the bucket keeps versions of %(count)d files",
        kept,
    )
    return listed(amounts.records(facts["records"]), images, told % {"count": kept} if kept else "")


def _scope(facts: Facts) -> str:
    scopes = {
        "person": _("person"),
        "run": _("run"),
        "image": _("image"),
        "campaign": _("campaign"),
    }
    return scopes.get(facts["scope"], "")


def _erasure_asked(facts: Facts) -> str:
    return listed(_scope(facts), _("images too") if facts["pictures"] else "")


SENTENCES: dict[str, Callable[[Facts], str]] = {
    Event.PERSONAL_ERASED: _emptied,
    Event.ERASURE_STOPPED: _erasure_stopped,
    Event.ERASURE_FINISHED: _erased,
    Event.ERASURE_RESUMED: _scope,
    Event.HOLD_PLACED: _scope,
    Event.HOLD_LIFTED: _scope,
    Event.ERASURE_ASKED: _erasure_asked,
    Event.RETENTION_APPLIED: _by_age,
}
