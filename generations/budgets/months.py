"""Months of budgets: one row for each budget and month, opened when it is first needed."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Least
from django.utils import timezone

from accounts import ledger
from accounts.models import Team
from accounts.models.allowance import next_month
from generations.models import Budget, BudgetMonth, Generation, Price
from generations.models.money import to_micros
from generations.states import ENDED

# A day begins this much earlier or later somewhere else.
WORLD = dt.timedelta(days=1)


def month_of(team: Team | None, moment: dt.datetime | None = None) -> dt.date:
    """The first day of the month of `moment` (default: now), for a team or for the studio.

    A team's month begins in its own time zone, the studio's in that of the settings.
    """
    if team is not None:
        return ledger.month_of(team, moment)
    zone = timezone.get_default_timezone()
    return (moment or timezone.now()).astimezone(zone).date().replace(day=1)


def open_month(budget: Budget) -> BudgetMonth:
    """This month of `budget`, which has an amount; opened if needed."""
    row = unopened_month(budget)
    row.before = used_without(budget, row.month)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:  # Another request has opened it.
        row = budget.months.get(month=row.month)
        row.budget = budget
    return row


def unopened_month(budget: Budget) -> BudgetMonth:
    """This month of `budget` before anything is made in it, unsaved: nothing of it is used.

    A budget that is set later in a month opens it at once: see `follow`.
    """
    return BudgetMonth(
        budget=budget, month=month_of(budget.team), limit=to_micros(budget.usd or Decimal(0))
    )


def follow(budget: Budget) -> None:
    """Apply a changed budget to this month at once. Call it in the transaction of the change."""
    if budget.usd is None:
        return
    month = open_month(budget)
    BudgetMonth.objects.filter(pk=month.pk).update(
        limit=to_micros(budget.usd), before=used_without(budget, month.month)
    )


def used_without(budget: Budget, month: dt.date) -> int:
    """What the generations of a month cost at book price that were made without this budget.

    The result is in millionths of a US dollar.
    """
    column = "team_budget" if budget.team_id else "studio_budget"
    return book_cost(_made_in(budget, month).filter(**{f"{column}__isnull": True}))


def _made_in(budget: Budget, month: dt.date) -> QuerySet[Generation]:
    """The generations of the month. They are found by day, which has an index."""
    end = next_month(month)
    if budget.team_id:
        return Generation.objects.filter(run__team=budget.team_id, day__gte=month, day__lt=end)
    zone = timezone.get_default_timezone()
    start, stop = (dt.datetime.combine(day, dt.time(), zone) for day in (month, end))
    near = Generation.objects.filter(day__gte=month - WORLD, day__lt=end + WORLD)
    return near.filter(created_at__gte=start, created_at__lt=stop)


def book_cost(generations: QuerySet[Generation]) -> int:
    """What the images of `generations` cost at book price, in millionths of a US dollar.

    Of those that have ended, the images that arrived count, at most as many as were asked for; of
    the others, all that were asked for.
    """
    groups: Any = generations.order_by().values("price", "references", "status", "came_late")
    groups = groups.annotate(asked=Sum("wanted"), arrived=Sum(Least(F("delivered"), F("wanted"))))
    rows: list[dict[str, Any]] = list(groups)
    prices = Price.objects.in_bulk({row["price"] for row in rows})
    return sum(
        _images(row) * to_micros(prices[row["price"]].usd_of_image(row["references"]))
        for row in rows
    )


def _images(row: Mapping[str, Any]) -> int:
    if row["came_late"]:  # its reservation was released before
        return 0
    return row["arrived"] if row["status"] in ENDED else row["asked"]


def budgets_of(team: Team) -> QuerySet[Budget]:
    """The budgets that pay for runs of `team`: its own and the studio's, if they have an amount."""
    found = Budget.objects.filter(Q(team=team) | Q(team__isnull=True), usd__isnull=False)
    return found.order_by("pk").select_related("team")
