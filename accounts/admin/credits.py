"""Allowances and the ledger's entries. They are read-only; actions with a reason adjust credits."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import ledger
from accounts.admin.amounts import TopUpsForm, ask_amount
from accounts.admin.long_lists import LongListMixin, known_values
from accounts.admin.recorded import ReadOnlyAdmin
from accounts.errors import InvalidAmount
from accounts.http import actor_of
from accounts.identifiers import uuid_of
from accounts.models import Allowance, Entry, Team, User

Adjust = Callable[..., object]
# A search reads no more people, teams or allowances than these.
MOST_FOUND = 1_000
MONTHS_OFFERED = 24
OWNER_SEARCH = _(
    "Name or e-mail address of a person, or name of a team, which finds its people too"
)


def _newest_months() -> list[dt.date]:
    """The first days of the newest months, newest first."""
    # A day ahead, because a new month begins in the east first.
    newest = timezone.now().date() + dt.timedelta(days=1)
    numbers = (12 * newest.year + newest.month - 1 - back for back in range(MONTHS_OFFERED))
    return [dt.date(number // 12, number % 12 + 1, 1) for number in numbers]


def _month_label(month: dt.date) -> str:
    return date_format(month, "YEAR_MONTH_FORMAT")


@admin.register(Allowance)
class AllowanceAdmin(LongListMixin, ReadOnlyAdmin):
    actions = ["top_up", "set_limit", "write_off"]
    list_display = [
        "owner",
        "month",
        "limit",
        "top_up_column",
        "reserved",
        "spent",
        "left",
        "origin",
    ]
    list_display_links = ["owner"]
    list_filter = [("month", known_values(_newest_months, _month_label))]
    list_select_related = ["user", "team"]
    search_fields = ["user__email", "user__name", "team__name"]
    search_help_text = OWNER_SEARCH

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return (queryset.filter(_owned_by(search_term)) if search_term else queryset), False

    def has_adjust_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_allowance")

    @admin.display(description=_("owner"))
    def owner(self, allowance: Allowance) -> str:
        return str(allowance.owner)

    @admin.display(description=_("top-up"))
    def top_up_column(self, allowance: Allowance) -> int:
        return allowance.top_up

    @admin.display(description=_("left"))
    def left(self, allowance: Allowance) -> int:
        return allowance.left

    @admin.action(description=_("Top up credits"), permissions=["adjust"])
    def top_up(self, request: HttpRequest, queryset: QuerySet) -> TemplateResponse | None:
        apply, title = _to_this_month(request, ledger.top_up), _("Top up credits")
        return ask_amount(self, request, queryset, title=title, apply=apply, form_class=TopUpsForm)

    @admin.action(description=_("Set this month's limit"), permissions=["adjust"])
    def set_limit(self, request: HttpRequest, queryset: QuerySet) -> TemplateResponse | None:
        apply = _to_this_month(request, ledger.set_limit)
        return ask_amount(self, request, queryset, title=_("Set this month's limit"), apply=apply)

    @admin.action(description=_("Write off spent credits"), permissions=["adjust"])
    def write_off(self, request: HttpRequest, queryset: QuerySet) -> TemplateResponse | None:
        def apply(allowance: Allowance, **chosen: Any) -> None:
            ledger.write_off(allowance, **chosen, actor=actor_of(request))

        return ask_amount(self, request, queryset, title=_("Write off spent credits"), apply=apply)


@admin.register(Entry)
class EntryAdmin(LongListMixin, ReadOnlyAdmin):
    list_display = ["created_at", "owner", "what", "amount", "actor", "reason", "generation"]
    list_filter = ["kind"]
    list_select_related = ["allowance__user", "allowance__team", "actor"]
    search_fields = ["allowance__user__email", "allowance__team__name", "=generation"]
    search_help_text = _(
        "Name or e-mail address of a person, or name of a team, which finds its people too, or the "
        "whole identifier of a generation"
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if generation := uuid_of(search_term):
            return queryset.filter(generation=generation), False
        if search_term:
            # Found beforehand, because allowances are few and entries are many.
            newest = Allowance.objects.filter(_owned_by(search_term)).order_by("-id")
            found = list(newest.values_list("pk", flat=True)[:MOST_FOUND])
            queryset = queryset.filter(allowance__in=found)
        return queryset, False

    @admin.display(description=_("kind"))
    def what(self, entry: Entry) -> str:
        return str(Entry.Kind(entry.kind).label)

    @admin.display(description=_("owner"))
    def owner(self, entry: Entry) -> str:
        return str(entry.allowance.owner)


def _owned_by(term: str) -> Q:
    """Match allowances of people with `term` in name, address or team, and of teams so named."""
    called = Q(email__icontains=term) | Q(name__icontains=term) | Q(team__name__icontains=term)
    people = User.objects.filter(called).order_by().values_list("pk", flat=True)
    teams = Team.objects.filter(name__icontains=term).order_by().values_list("pk", flat=True)
    # As keys: with a join, the database would read every allowance.
    return Q(user__in=list(people[:MOST_FOUND])) | Q(team__in=list(teams[:MOST_FOUND]))


def _to_this_month(request: HttpRequest, adjust: Adjust) -> Adjust:
    """Return `adjust` for the owner of an allowance. It refuses a month that is over."""

    def apply(allowance: Allowance, **chosen: Any) -> None:
        if allowance.month != ledger.month_of_owner(allowance.owner):
            raise InvalidAmount(
                gettext("%(allowance)s is not this month: only this month can be changed.")
                % {"allowance": allowance}
            )
        adjust(allowance.owner, **chosen, actor=actor_of(request))

    return apply
