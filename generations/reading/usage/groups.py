"""What was used by each engine, person, campaign or format."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access import page_of_person
from accounts.models import User
from generations.models import Campaign, PersonMonth, WorkMonth
from generations.models.usage import UsedInMonth
from generations.providers import registry
from generations.reading.usage.figures import Sums, added, summed
from generations.reading.usage.period import Period
from generations.reading.usage.scope import Scope
from generations.usage.totals import CUSTOM

MOST = 50  # groups in a table; the rest is one line


@dataclass(frozen=True)
class Group:
    """One line of a table: `key` as the column holds it, None for the rest of a long table.

    `link` is the address of a person in the admin, or empty.
    """

    key: Any
    name: str
    sums: Sums
    link: str = ""


def engines(names: Iterable[Any]) -> Mapping[Any, str]:
    known = registry.known_engines()
    return {name: registry.full_label(known[name]) if name in known else name for name in names}


def people(keys: Iterable[Any]) -> Mapping[Any, User]:
    found = User.objects.filter(pk__in=list(keys)).only("name", "email", "is_superuser")
    return {person.pk: person for person in found}


def campaigns(keys: Iterable[Any]) -> Mapping[Any, str]:
    found = Campaign.objects.filter(pk__in=[key for key in keys if key is not None])
    return {None: _("No campaign")} | dict(found.values_list("pk", "name"))


def formats(values: Iterable[Any]) -> Mapping[Any, str]:
    own = {CUSTOM: _("Own size"), "": _("Not said")}
    return {each: own.get(each, each) for each in values}


class Dimension(NamedTuple):
    """What totals can be grouped by: the column, its name, what its values stand for, and the table
    of months that has it."""

    column: str
    label: Any
    found: Callable[[Iterable[Any]], Mapping[Any, str | User]]
    months: type[UsedInMonth]


DIMENSIONS = {
    "engine": Dimension("engine", gettext_lazy("Engine"), engines, WorkMonth),
    "person": Dimension("user_id", gettext_lazy("Person"), people, PersonMonth),
    "campaign": Dimension("campaign_id", gettext_lazy("Campaign"), campaigns, WorkMonth),
    "format": Dimension("format", gettext_lazy("Format"), formats, WorkMonth),
}


def tables(scope: Scope, period: Period, *, reader: User) -> dict[str, list[Group]]:
    """The groups of each dimension.

    Engines and formats are few, so one query adds both up.
    """
    work = scope.parts(period, WorkMonth)
    mixed = summed(work, "engine", "format")
    found = {
        "engine": _added_by(0, mixed),
        "person": _added_by(0, summed(scope.parts(period, PersonMonth), "user_id")),
        "campaign": _added_by(0, summed(work, "campaign_id")),
        "format": _added_by(1, mixed),
    }
    return {dimension: _groups(sums, dimension, reader) for dimension, sums in found.items()}


def _added_by(place: int, sums: Mapping[tuple[Any, ...], Sums]) -> dict[Any, Sums]:
    """`sums`, added up by one part of their keys."""
    found: dict[Any, list[Sums]] = defaultdict(list)
    for key, each in sums.items():
        found[key[place]].append(each)
    return {key: added(several) for key, several in found.items()}


def _groups(found: Mapping[Any, Sums], dimension: str, reader: User) -> list[Group]:
    """The groups that spent most, and one for the rest if there are more than fit."""
    ordered = sorted(found.items(), key=lambda each: (-each[1].spent, -each[1].images))
    known = DIMENSIONS[dimension].found([key for key, _sums in ordered[:MOST]])
    shown = [_group(key, known.get(key, "?"), sums, reader) for key, sums in ordered[:MOST]]
    if rest := [sums for _key, sums in ordered[MOST:]]:
        shown.append(Group(None, _("All others"), added(rest)))
    return shown


def _group(key: Any, what: str | User, sums: Sums, reader: User) -> Group:
    """The group of a value that stands for `what`: people have a page in the admin."""
    link = page_of_person(what, reader) if isinstance(what, User) else ""
    return Group(key, str(what), sums, link)
