"""This month's credits as columns of the list of people, read in the same query."""

import datetime as dt
from collections import defaultdict
from typing import Any

from django.contrib import admin
from django.db.models import F, FilteredRelation, FloatField, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.utils.translation import gettext_lazy as _

from accounts import ledger
from accounts.models import Team, User


def with_allowance(people: QuerySet[User]) -> QuerySet[User]:
    """Annotate people with this month's credits, and with the `share` of them that is used.

    The names are `month_limit`, `month_top_up`, `month_reserved` and `month_spent`. They are None
    for a person whose month has not been opened yet.
    """
    total = F("allowance__limit") + F("allowance__top_up")
    used = F("allowance__reserved") + F("allowance__spent")
    share = Cast(used, FloatField()) / NullIf(Cast(total, FloatField()), Value(0.0))
    return people.annotate(
        allowance=FilteredRelation("allowances", condition=_this_month()),
        month_limit=F("allowance__limit"),
        month_top_up=F("allowance__top_up"),
        month_reserved=F("allowance__reserved"),
        month_spent=F("allowance__spent"),
        share=Coalesce(share, Value(0.0)),
    )


def _this_month() -> Q:
    """Match this month. At its edges, time zones of teams differ in which month it is."""
    teams: dict[dt.date, list[int]] = defaultdict(list)
    for team in Team.objects.only("pk", "time_zone"):
        teams[ledger.month_of(team)].append(team.pk)
    condition = Q(pk__in=[])
    for month, of_teams in teams.items():
        condition |= Q(allowances__month=month, team__in=of_teams)
    return condition


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


def credits_left(person: Any) -> int:
    return limit(person) + top_up(person) - reserved(person) - spent(person)


@admin.display(description=_("left this month"))
def left(person: Any) -> str:
    return _("%(left)s of %(total)s") % {
        "left": credits_left(person),
        "total": limit(person) + top_up(person),
    }


@admin.display(description=_("used"), ordering="share")
def share_used(person: Any) -> str:
    return f"{person.share:.0%}"


COLUMNS: list[Any] = [left, share_used]
