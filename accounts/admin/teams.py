"""Teams: their credits and their time zone."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import ledger
from accounts.admin import quotas
from accounts.admin.recorded import RecordedAdmin
from accounts.http import actor_of
from accounts.models import Team, User


@admin.register(Team)
class TeamAdmin(RecordedAdmin):
    list_display = ["name", "people", "member_quota", "quota", "time_zone"]
    fields = ["name", "member_quota", "quota", "time_zone"]
    search_fields = ["name"]
    ordering = ["name"]
    plain_text_fields = frozenset({"time_zone"})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return super().get_queryset(request).annotate(people=Count("members"))

    @admin.display(description=_("people"), ordering="people")
    def people(self, team: Any) -> int:
        return team.people

    def save_model(self, request: HttpRequest, obj: Team, form: ModelForm, change: bool) -> None:
        before = _member_default(obj.pk) if change else 0
        super().save_model(request, obj, form, change)
        if change and "member_quota" in form.changed_data:
            quotas.follow_team(obj, members_before=before, actor=actor_of(request))
        if change and "quota" in form.changed_data:
            quotas.follow_own_quota(obj, actor=actor_of(request))


def _member_default(team_id: int) -> int:
    """Credits a month of a member without their own quota, by what the database holds now."""
    quota, _origin = ledger.quota_in_force(User(team=Team.objects.get(pk=team_id)))
    return quota
