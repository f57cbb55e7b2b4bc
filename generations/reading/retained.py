"""What a retention rule has erased, as a sentence."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.phrases import listed
from generations.models import RetentionRule
from generations.reading import amounts

_COUNTED = {
    "records": amounts.records,
    "runs": amounts.runs,
    "images": amounts.images,
    "uploads": amounts.uploads,
}


def in_words(facts: Mapping[str, Any]) -> str:
    """What the rule is about, how old it was, and how many were erased; days are those of UTC."""
    counts = [counted(facts[name]) for name, counted in _COUNTED.items() if facts[name]]
    return _("%(what)s, older than %(day)s (%(days)d days): %(counts)s") % {
        "what": RetentionRule.Kind(facts["kind"]).label,
        "day": date_format(datetime.fromisoformat(facts["before"]), "DATE_FORMAT"),
        "days": facts["days"],
        "counts": listed(*counts),
    }
