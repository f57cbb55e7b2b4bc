"""Planned quotas: “from December 800” for a person, a team's members or a team's cap."""

import datetime as dt
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localdate
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import ledger
from accounts.admin import rights
from accounts.admin.amounts import CreditsField
from accounts.admin.recorded import RecordedAdmin
from accounts.http import actor_of
from accounts.models import PlannedQuota, Team, User

MONTHS_AHEAD = 12
Kind = PlannedQuota.Kind


def _months() -> list[tuple[str, str]]:
    """The months that can be chosen. Which has begun for a team is compared when it is known."""
    month, choices = localdate().replace(day=1), []
    for _number in range(MONTHS_AHEAD):
        month = ledger.next_month(month)
        choices.append((month.isoformat(), date_format(month, "YEAR_MONTH_FORMAT")))
    return choices


class PersonField(forms.ModelChoiceField):
    """A person by e-mail address: a list of all would grow with the studio."""

    widget = forms.EmailInput

    def prepare_value(self, value: Any) -> Any:
        """The address, also of a person who is given by key."""
        if isinstance(value, int) or str(value).isdecimal():
            return self._people().filter(pk=value).values_list("email", flat=True).first()
        return value

    def to_python(self, value: Any) -> User | None:
        email = str(value or "").strip()
        person = self._people().filter(email__iexact=email).first() if email else None
        if email and person is None:
            raise ValidationError(gettext("There is no person with this address."))
        return person

    def _people(self) -> QuerySet[User]:
        return cast("QuerySet[User]", self.queryset)


class PlannedQuotaForm(forms.ModelForm):
    month = forms.TypedChoiceField(
        label=_("From"), choices=_months, coerce=dt.date.fromisoformat, empty_value=None
    )
    credits = CreditsField(label=_("Credits a month"))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if len(cleaned) == len(self.fields):
            self._refuse_wrong_owner(cleaned)
            self._refuse_begun(cleaned)
        return cleaned

    def _refuse_wrong_owner(self, cleaned: dict[str, Any]) -> None:
        is_own = cleaned["kind"] == Kind.OWN
        wanted, other = ("user", "team") if is_own else ("team", "user")
        if not cleaned[wanted]:
            missing = _("Choose the person.") if is_own else _("Choose the team.")
            raise ValidationError({wanted: missing})
        if cleaned[other]:
            raise ValidationError({other: _("Choose a person or a team, and not both.")})

    def _refuse_begun(self, cleaned: dict[str, Any]) -> None:
        month = cleaned["month"]
        if month <= ledger.month_of_owner(cleaned["user"] or cleaned["team"]):
            raise ValidationError(
                {"month": _("This month has begun already in the team's time zone.")}
            )


class InEffectFilter(admin.SimpleListFilter):
    """Those that wait, unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("waiting")), ("in-effect", _("in effect"))]

    def queryset(self, request: HttpRequest, rows: QuerySet) -> QuerySet:
        if self.value() in ("waiting", "in-effect"):
            return rows.filter(took_effect_at__isnull=self.value() == "waiting")
        return rows


@admin.register(PlannedQuota)
class PlannedQuotaAdmin(RecordedAdmin):
    form = PlannedQuotaForm
    fields = ["kind", "user", "team", "month", "credits"]
    list_display = ["owner", "kind", "from_month", "credits", "took_effect_at"]
    list_filter = [InEffectFilter, "kind"]
    list_select_related = ["user", "team"]
    search_fields = ["user__email", "user__name", "team__name"]
    search_help_text = _("Name or e-mail address of a person, or name of a team")
    ordering = [F("took_effect_at").desc(nulls_first=True), "month", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlannedQuota]:
        people = User.objects.filter(rights.reachable_people(actor_of(request)))
        return super().get_queryset(request).filter(Q(user__isnull=True) | Q(user__in=people))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _waits(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _waits(obj) and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting many at once, which would delete those in effect too."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            people = User.objects.filter(rights.reachable_people(actor_of(request)))
            label, text = _("Person (e-mail address)"), db_field.help_text
            return PersonField(people, required=False, label=label, help_text=text)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a link from the page of a person or a team has chosen."""
        given = super().get_changeform_initial_data(request)
        if "user" in given:
            given["kind"] = Kind.OWN
        return given

    @admin.display(description=_("for"), ordering="user")
    def owner(self, planned: PlannedQuota) -> str:
        return str(planned.user or planned.team)

    @admin.display(description=_("from"), ordering="month")
    def from_month(self, planned: PlannedQuota) -> str:
        return date_format(planned.month, "YEAR_MONTH_FORMAT")


def waiting_for(owner: User | Team) -> list[str]:
    """What is planned for a person or a team, in words, the next month first."""
    who = {"team": owner} if isinstance(owner, Team) else {"user": owner}
    rows = PlannedQuota.objects.filter(**who, took_effect_at__isnull=True).order_by("month", "pk")
    return [_in_words(planned) for planned in rows[:MONTHS_AHEAD]]


def _in_words(planned: PlannedQuota) -> str:
    texts = {
        Kind.OWN: gettext("From %(date)s: %(credits)d"),
        Kind.MEMBERS: gettext("From %(date)s: %(credits)d for each member"),
        Kind.CAP: gettext("From %(date)s: %(credits)d for the whole team"),
    }
    date = date_format(planned.month, "MONTH_DAY_FORMAT")
    return texts[Kind(planned.kind)] % {"date": date, "credits": planned.credits}


def _waits(planned: PlannedQuota | None) -> bool:
    return planned is None or planned.took_effect_at is None
