"""Teams: their credits and their time zone."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts import ledger
from accounts.admin import planned
from accounts.admin.shown_values import QuotaFields, ShownValuesAdmin
from accounts.http import actor_of
from accounts.models import Allowance, Team


class TeamForm(QuotaFields):
    conditional = ("member_quota", "quota")


@admin.register(Team)
class TeamAdmin(ShownValuesAdmin):
    form = TeamForm
    change_form_template = "admin/accounts/team.html"
    list_display = ["name", "people", "member_quota", "quota", "time_zone"]
    fields = ["name", "member_quota", "quota", "time_zone"]
    search_fields = ["name"]
    ordering = ["name"]
    plain_text_fields = frozenset({"time_zone"})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return super().get_queryset(request).annotate(people=Count("members"))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if team := kwargs.get("obj"):
            context |= {"team": team, "planned": planned.waiting_for(team)}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("people"), ordering="people")
    def people(self, team: Any) -> int:
        return team.people

    def save_model(self, request: HttpRequest, obj: Team, form: ModelForm, change: bool) -> None:
        before = ledger.member_default(Team.objects.get(pk=obj.pk)) if change else 0
        super().save_model(request, obj, form, change)
        if change and "member_quota" in form.changed_data:
            ledger.follow_team(obj, members_before=before, actor=actor_of(request))
        if change and "quota" in form.changed_data:
            ledger.follow_own_quota(obj, actor=actor_of(request))
            self._say_if_used_up(request, obj)

    def _say_if_used_up(self, request: HttpRequest, team: Team) -> None:
        month = ledger.month_of(team)
        allowance = Allowance.objects.filter(team=team, month=month).first()
        if allowance and team.quota is not None and allowance.used and allowance.left <= 0:
            text = _("The team has already used %(used)d of %(total)d: no new runs this month.")
            numbers = {"used": allowance.used, "total": allowance.total}
            self.message_user(request, text % numbers, messages.WARNING)
