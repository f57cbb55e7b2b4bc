"""Allowances and the ledger's entries: to read, and to adjust by actions that ask for a reason."""

from collections.abc import Callable

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import ledger
from accounts.admin.amounts import ask_amount
from accounts.admin.recorded import ReadOnlyAdmin
from accounts.errors import InvalidAmount
from accounts.http import actor_of
from accounts.models import Allowance, Entry, Team, User

Adjust = Callable[..., object]


@admin.register(Allowance)
class AllowanceAdmin(ReadOnlyAdmin):
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
    list_filter = ["user__team"]
    list_select_related = ["user", "team"]
    date_hierarchy = "month"
    search_fields = ["user__email", "user__name", "team__name"]
    ordering = ["-month", "user__email", "team__name"]

    def has_adjust_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_allowance")

    @admin.display(description=_("owner"))
    def owner(self, allowance: Allowance) -> str:
        return str(_owner(allowance))

    @admin.display(description=_("top-up"), ordering="top_up")
    def top_up_column(self, allowance: Allowance) -> int:
        return allowance.top_up

    @admin.display(description=_("left"))
    def left(self, allowance: Allowance) -> int:
        return allowance.left

    @admin.action(description=_("Top up credits"), permissions=["adjust"])
    def top_up(self, request: HttpRequest, queryset: QuerySet) -> TemplateResponse | None:
        apply = _to_this_month(request, ledger.top_up)
        return ask_amount(self, request, queryset, title=_("Top up credits"), apply=apply)

    @admin.action(description=_("Set this month's limit"), permissions=["adjust"])
    def set_limit(self, request: HttpRequest, queryset: QuerySet) -> TemplateResponse | None:
        apply = _to_this_month(request, ledger.set_limit)
        return ask_amount(self, request, queryset, title=_("Set this month's limit"), apply=apply)

    @admin.action(description=_("Write off spent credits"), permissions=["adjust"])
    def write_off(self, request: HttpRequest, queryset: QuerySet) -> TemplateResponse | None:
        def apply(allowance: Allowance, credits: int, reason: str) -> None:
            ledger.write_off(allowance, credits, actor=actor_of(request), reason=reason)

        return ask_amount(self, request, queryset, title=_("Write off spent credits"), apply=apply)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "owner", "kind", "amount", "actor", "reason", "generation"]
    list_filter = ["kind"]
    list_select_related = ["allowance__user", "allowance__team", "actor"]
    search_fields = ["allowance__user__email", "allowance__team__name", "=generation"]
    ordering = ["-id"]

    @admin.display(description=_("owner"))
    def owner(self, entry: Entry) -> str:
        return str(_owner(entry.allowance))


def _owner(allowance: Allowance) -> User | Team:
    owner = allowance.user or allowance.team
    assert owner is not None  # noqa: S101  # a constraint of the table
    return owner


def _to_this_month(request: HttpRequest, adjust: Adjust) -> Callable[[Allowance, int, str], None]:
    """`adjust` of an allowance's owner, refused for a month that is over."""

    def apply(allowance: Allowance, credits: int, reason: str) -> None:
        owner = _owner(allowance)
        if allowance.month != ledger.month_of_owner(owner):
            raise InvalidAmount(
                gettext("%(allowance)s is not this month: only this month can be changed.")
                % {"allowance": allowance}
            )
        adjust(owner, credits, actor=actor_of(request), reason=reason)

    return apply
