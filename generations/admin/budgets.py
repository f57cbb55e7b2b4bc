"""Budgets, their months and the value of a credit in the Django admin."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.recorded import ReadOnlyAdmin, RecordedAdmin
from generations import budgets
from generations.models import Budget, BudgetMonth, CreditValue
from generations.models.money import to_usd


class _WithStanding(ChangeList):
    """Budgets with what is used of them this month, read once for the whole page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found = {each.owner and each.owner.pk: each for each in budgets.standing()}
        rows = list(self.result_list)
        for row in rows:
            row.standing = found.get(row.team_id)
        self.result_list = rows


class _WithCosts(ChangeList):
    """Months with what providers really took, read once for the whole page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        costs = budgets.actual_costs(rows)
        for row in rows:
            row.actual = costs[row.pk]
        self.result_list = rows


@admin.register(Budget)
class BudgetAdmin(RecordedAdmin):
    """Budgets take effect at once, also in the month that runs."""

    list_display = ("owner", "usd", "used", "share", "blocks")
    list_select_related = ("team",)
    fields = ("team", "usd", "blocks")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _WithStanding

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("owner",) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("owner", "usd", "blocks") if obj else self.fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """A new budget needs an amount; one that is there can be suspended."""
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None:
            form.base_fields["usd"].required = True
        return form

    @admin.display(description=_("budget of"))
    def owner(self, budget: Budget) -> str:
        return str(budget)

    @admin.display(description=_("used this month"))
    def used(self, budget: Any) -> str:
        return in_usd(budget.standing.used) if budget.standing else gettext("no budget")

    @admin.display(description=_("share used"))
    def share(self, budget: Any) -> str:
        return f"{budget.standing.share:.0%}" if budget.standing else ""

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        budgets.follow(obj)


@admin.register(BudgetMonth)
class BudgetMonthAdmin(ReadOnlyAdmin):
    """What budgets paid for, and beside it what providers took: the difference stops nothing."""

    list_display = (
        *("owner", "month", "limit_usd", "before_usd", "reserved_usd", "spent_usd"),
        *("share", "actual_usd", "difference"),
    )
    list_display_links = None
    fields = ("owner", "month", "limit_usd", "before_usd", "reserved_usd", "spent_usd")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BudgetMonth]:
        return super().get_queryset(request).select_related("budget__team")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _WithCosts

    @admin.display(description=_("budget of"))
    def owner(self, month: BudgetMonth) -> str:
        return str(month.budget)

    @admin.display(description=_("limit, USD"))
    def limit_usd(self, month: BudgetMonth) -> str:
        return in_usd(to_usd(month.limit))

    @admin.display(description=_("before there was a budget, USD"))
    def before_usd(self, month: BudgetMonth) -> str:
        return in_usd(to_usd(month.before))

    @admin.display(description=_("reserved, USD"))
    def reserved_usd(self, month: BudgetMonth) -> str:
        return in_usd(to_usd(month.reserved))

    @admin.display(description=_("spent, USD"))
    def spent_usd(self, month: BudgetMonth) -> str:
        return in_usd(to_usd(month.spent))

    @admin.display(description=_("share used"))
    def share(self, month: BudgetMonth) -> str:
        return f"{month.used / month.limit:.0%}" if month.limit else ""

    @admin.display(description=_("billed by providers, USD"))
    def actual_usd(self, month: Any) -> str:
        return in_usd(month.actual)

    @admin.display(description=_("difference to the price book, USD"))
    def difference(self, month: Any) -> str:
        return f"{month.actual - to_usd(month.before + month.spent):+.2f}"


@admin.register(CreditValue)
class CreditValueAdmin(RecordedAdmin):
    """One row, from which the price book works out margins."""

    list_display = ("usd",)
    fields = ("usd",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def in_usd(amount: Decimal) -> str:
    return f"{amount:.2f}"
