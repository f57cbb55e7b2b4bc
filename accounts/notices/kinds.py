"""The kinds of notices, each declared once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import stored_texts

# The facts that are sentences: stored in English, shown in the reader's language.
SENTENCES = ("reason", "subject", "text")
# The fact that is a month: stored as 2026-11, shown as November 2026.
MONTH = "month"


@dataclass(frozen=True)
class Kind:
    """One kind of notice and its texts.

    `name` is stored in rows that outlive the code, so it is never changed or reused. `label` names
    the kind in the list of kinds to mute. `title` says what has happened and `to_do` what to do;
    both may hold `%(fact)s` for the facts of a notice. `page` is the name of the URL that shows
    more. A cause that returns within `calm` after its end continues the same notice, without new
    mail. Those who tell of a `recorded` kind write no record themselves: each new notice is on
    record.
    """

    name: str
    label: Promise | str
    title: Promise | str
    to_do: Promise | str
    page: str = "notices"
    calm: timedelta = timedelta()
    recorded: bool = False


class _Facts(dict[str, Any]):
    """The facts of a notice; a dash stands for a fact that an old notice lacks."""

    def __missing__(self, name: str) -> str:
        return "–"


_kinds: dict[str, Kind] = {}


def declare(kind: Kind) -> Kind:
    """Add `kind` to the known kinds, at import. Raises ValueError if the name is taken."""
    if kind.name in _kinds:
        raise ValueError(f"The kind of notice “{kind.name}” is declared twice.")
    _kinds[kind.name] = kind
    return kind


def declared() -> list[Kind]:
    """Every declared kind, sorted by name."""
    return sorted(_kinds.values(), key=lambda kind: kind.name)


def named(name: str) -> Kind:
    """The kind called `name`, or a placeholder if the code no longer declares it."""
    return _kinds.get(name) or Kind(name, label=_FORGOTTEN, title=_FORGOTTEN, to_do=_NOTHING)


def fill(text: Promise | str, facts: Mapping[str, Any]) -> str:
    """`text` in the reader's language, filled with the facts of a notice."""
    told = {name: _in_words(name, value) for name, value in facts.items()}
    return str(text) % _Facts(told)


def _in_words(name: str, value: Any) -> Any:
    if name in SENTENCES:
        return stored_texts.read(str(value))
    month = parse_date(f"{value}-01") if name == MONTH else None
    return date_format(month, "YEAR_MONTH_FORMAT") if month else value


_FORGOTTEN = _("A notice of an earlier version of the studio")
_NOTHING = _("Nothing has to be done.")
