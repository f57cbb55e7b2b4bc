"""This month's credits as columns of the list of people, read in the same query."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import F, FilteredRelation, FloatField, Prefetch, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import ledger
from accounts.models import Allowance, Team, User


def with_allowance(people: QuerySet[User]) -> QuerySet[User]:
    """Annotate people with this month's credits, and with the `share` of them that is used.

    The names are `month_limit`, `month_top_up`, `month_reserved`, `month_spent` and `month_origin`.
    They are None for a person whose month has not been opened yet. `topped_up` holds the newest
    allowances with top-ups, in two queries for all.
    """
    months = _months()
    total = F("allowance__limit") + F("allowance__top_up")
    used = F("allowance__reserved") + F("allowance__spent")
    share = Cast(used, FloatField()) / NullIf(Cast(total, FloatField()), Value(0.0))
    newest = Allowance.objects.filter(month__in=list(months), top_up__gt=0)
    topped_up = Prefetch("allowances", ledger.with_ends(newest), to_attr="topped_up")
    return people.prefetch_related(topped_up).annotate(
        allowance=FilteredRelation("allowances", condition=_this_month(months)),
        month_limit=F("allowance__limit"),
        month_top_up=F("allowance__top_up"),
        month_reserved=F("allowance__reserved"),
        month_spent=F("allowance__spent"),
        month_origin=F("allowance__origin"),
        share=Coalesce(share, Value(0.0)),
    )


def _months() -> dict[dt.date, list[int]]:
    """The keys of teams by their month. At its edges, time zones differ in which month it is."""
    teams: dict[dt.date, list[int]] = defaultdict(list)
    for team in Team.objects.only("pk", "time_zone"):
        teams[ledger.month_of(team)].append(team.pk)
    return teams


def _this_month(months: dict[dt.date, list[int]]) -> Q:
    condition = Q(pk__in=[])
    for month, of_teams in months.items():
        condition |= Q(allowances__month=month, team__in=of_teams)
    return condition


class UsedFilter(admin.SimpleListFilter):
    """By the share of this month's credits that is used."""

    title = _("used")
    parameter_name = "used"
    SHARES = (("80", _("above 80 %"), 0.8), ("100", _("used up"), 0.999_999))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, label) for name, label, _share in self.SHARES]

    def queryset(self, request: HttpRequest, people: QuerySet) -> QuerySet:
        shares = {name: share for name, _label, share in self.SHARES}
        given = self.value()
        return people.filter(share__gt=shares[given]) if given in shares else people


# What follows takes a User with these annotations.


def limit(person: Any) -> int:
    if person.month_limit is None:
        return ledger.quota_in_force(person)[0]
    return person.month_limit


def top_up(person: Any) -> int:
    return person.month_top_up or 0


def reserved(person: Any) -> int:
    return person.month_reserved or 0


def spent(person: Any) -> int:
    return person.month_spent or 0


def total(person: Any) -> int:
    return limit(person) + top_up(person)


def used(person: Any) -> int:
    return reserved(person) + spent(person)


def credits_left(person: Any) -> int:
    return total(person) - used(person)


def origin_of(person: Any) -> str:
    """Where this month's limit comes from, and what was added until when."""
    if person.month_origin is None:
        return ledger.origin_in_words(ledger.quota_in_force(person)[1], person)
    month = ledger.month_of(person.team)
    for allowance in person.topped_up:
        if allowance.month == month:
            return ledger.origin_of(allowance, person)
    return ledger.origin_in_words(person.month_origin, person)


def used_up(people: Iterable[Any]) -> Iterator[str]:
    """For each person who has used this month's credits or more, a sentence that says so."""
    for person in people:
        if used(person) and credits_left(person) <= 0:
            yield used_up_in_words(person, used(person), total(person))


def used_up_in_words(person: User, used: int, total: int) -> str:
    text = gettext("%(person)s has already used %(used)d of %(total)d: no new runs until %(date)s.")
    renews_on = ledger.next_month(ledger.month_of(person.team))
    date = date_format(renews_on, "MONTH_DAY_FORMAT")
    return text % {"person": person, "used": used, "total": total, "date": date}


@admin.display(description=_("left this month"))
def left(person: Any) -> str:
    return _("%(left)s of %(total)s") % {"left": credits_left(person), "total": total(person)}


@admin.display(description=_("used"), ordering="share")
def share_used(person: Any) -> str:
    return f"{person.share:.0%}"


@admin.display(description=_("limit"))
def origin(person: Any) -> str:
    return origin_of(person)


COLUMNS: list[Any] = [left, share_used, origin]
