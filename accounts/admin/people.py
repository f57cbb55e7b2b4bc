"""People: invite, change, deactivate, give credits. People are never deleted."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts import audit, invitations, ledger, sessions
from accounts.admin import inviting, own_quotas, person_page, rights
from accounts.admin.changes import Snapshot
from accounts.admin.quota_pages import QuotaPages
from accounts.admin.shown_values import QuotaFields
from accounts.commits import after_commit
from accounts.errors import InvalidAmount
from accounts.events import Event
from accounts.groups import STAFF
from accounts.http import actor_of
from accounts.models import Team, User

# What a person may do, see and sign in with depends on these fields. A change ends their sessions
# and their sign-in links.
ACCESS = {"is_active", "is_staff", "is_superuser", "groups", "user_permissions", "team", "email"}


class PersonForm(QuotaFields):
    conditional = ("quota",)

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].strip().lower()
        if User.objects.exclude(pk=self.instance.pk).filter(email__iexact=email).exists():
            raise ValidationError(_("There is a person with this address already."))
        return email


@admin.register(User)
class UserAdmin(QuotaPages):
    form = PersonForm
    add_fields = ("email", "name", "team", "groups", "language")
    add_form_template = "admin/accounts/invite.html"
    change_form_template = "admin/accounts/person.html"
    fieldsets = [
        (None, {"fields": ["email", "name", "team", "quota", "language", "time_zone"]}),
        (_("Access"), {"fields": ["is_active", "groups", "date_joined", "last_login"]}),
    ]
    superuser_fieldset = (
        _("Only for superusers"),
        {"fields": ["is_superuser", "user_permissions"], "classes": ["collapse"]},
    )
    filter_horizontal = ["user_permissions"]

    # Who may do what

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            what = {"fields": self.add_fields, "description": inviting.what_happens()}
            return [(None, what)]
        if request.user.is_superuser:
            return [*self.fieldsets, self.superuser_fieldset]
        return self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = ["date_joined", "last_login"]
        if obj == request.user:
            fields += rights.fixed_for_oneself(actor_of(request))
        elif obj and rights.is_above(obj, actor_of(request)):
            fields.append("email")
        return fields

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs |= inviting.groups_field_of(actor_of(request))
        else:
            kwargs["queryset"] = Permission.objects.select_related("content_type")  # for its name
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("quotas.csv", wrap(self.export_quotas), name="accounts_user_quotas_csv"),
            path("quotas/", wrap(self.import_quotas), name="accounts_user_quotas"),
            path("<int:pk>/top-up/", wrap(self.add_credits), name="accounts_user_top_up"),
            path("<int:pk>/sign-out/", wrap(self.sign_out), name="accounts_user_sign_out"),
        ]
        return [*own, *super().get_urls()]

    # Inviting and changing

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return inviting.preselected() | super().get_changeform_initial_data(request)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        kwargs["extra_context"] = {"title": _("Invite a person")}
        return super().add_view(request, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: User, *args: Any) -> HttpResponse:
        """Lead to the new person's page, where the link to hand over is shown."""
        return self._page_of(obj)

    def save_model(
        self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool
    ) -> None:
        if change:
            before = _quota_in_force(obj.pk)
            super().save_model(request, obj, form, change)
            self._follow_quota(request, obj, form, before)
        else:
            self._invite(request, obj, form)

    def _follow_quota(
        self, request: HttpRequest, obj: User, form: forms.ModelForm, before: int
    ) -> None:
        if "quota" in form.changed_data:
            ledger.follow_own_quota(obj, actor=actor_of(request))
            if said := own_quotas.used_up(obj):
                self.message_user(request, said, messages.WARNING)
        elif "team" in form.changed_data:
            ledger.follow_default(obj, before=before, actor=actor_of(request))

    def _invite(self, request: HttpRequest, obj: User, form: forms.ModelForm) -> None:
        fields = {name: form.cleaned_data[name] for name in self.add_fields}
        invitation = invitations.invite(**fields, actor=actor_of(request))
        obj.pk = invitation.user.pk
        obj.refresh_from_db()
        after_commit(self._hand_over, request, invitation)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        person, values = form.instance, form.cleaned_data
        if "groups" in values:
            givable = rights.givable_groups(actor_of(request))
            kept = list(person.groups.exclude(pk__in=givable))
            values["groups"] = [*values["groups"], *kept]
        super().save_related(request, form, formsets, change)
        if "groups" in values or "is_superuser" in values:
            is_staff = person.groups.filter(name__in=STAFF).exists()
            User.objects.filter(pk=person.pk).update(is_staff=person.is_superuser or is_staff)

    def record_addition(self, request: HttpRequest, row: Model) -> None:
        """Write nothing: the invitation has its own record."""

    def event_of_change(self, before: Snapshot, after: Snapshot) -> Event:
        return Event.USER_DEACTIVATED if after.get("is_active") is False else Event.USER_CHANGED

    def after_change(
        self, request: HttpRequest, row: Any, before: Snapshot, after: Snapshot
    ) -> None:
        if "email" in after:
            invitations.claim_address(row)
        if "team" in after:
            _tell_team_left(request, row, before["team"], after["team"])
        if ACCESS & after.keys():
            sessions.end_all(row, keep=request.session if row == request.user else None)

    # A person's page

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if kwargs.get("obj"):
            context |= person_page.context_of(kwargs["obj"])
            context["may_top_up"] = self.has_top_up_permission(request)
            context["may_invite"] = self.has_change_permission(request)
            context["can_mail"] = invitations.can_mail()
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_POST)
    def add_credits(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Add credits to one person's month."""
        if not self.has_top_up_permission(request):
            raise PermissionDenied
        user, form = self._reached(request, pk), person_page.TopUpForm(request.POST)
        try:
            self._added(request, user, form)
        except InvalidAmount as error:
            self.message_user(request, error.message, messages.ERROR)
        return self._page_of(user)

    def _added(self, request: HttpRequest, user: User, form: person_page.TopUpForm) -> None:
        if not form.is_valid():
            raise InvalidAmount(person_page.what_is_wrong(form))
        allowance = person_page.add_credits(user, form, actor=actor_of(request))
        text = _("%(person)s has %(left)s of %(total)s credits left this month.")
        figures = {"person": user, "left": allowance.left, "total": allowance.total}
        self.message_user(request, text % figures, messages.SUCCESS)

    @method_decorator(require_POST)
    def sign_out(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End one person's sessions."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        user = self._reached(request, pk)
        number = person_page.end_sessions(request, user)
        text = ngettext(
            "%(number)d browser was signed out.", "%(number)d browsers were signed out.", number
        )
        self.message_user(request, text % {"number": number}, messages.SUCCESS)
        return self._page_of(user)

    def _reached(self, request: HttpRequest, pk: int) -> User:
        user = self.get_object(request, str(pk))
        if user is None:
            raise Http404
        return user

    def _page_of(self, user: User) -> HttpResponse:
        return redirect("admin:accounts_user_change", user.pk)


def _tell_team_left(request: HttpRequest, person: User, left: str, joined: str) -> None:
    """Record the move for the reviewers of the team that was left: the change names the new one."""
    audit.record(
        Event.USER_LEFT_TEAM,
        actor=actor_of(request),
        subject=Team.objects.get(uuid=left),
        facts={"person": str(person.uuid), "to": joined},
    )


def _quota_in_force(user_id: int) -> int:
    """Return a person's credits a month, by what the database holds now."""
    quota, _origin = ledger.quota_in_force(User.objects.select_related("team").get(pk=user_id))
    return quota
