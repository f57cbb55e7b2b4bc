"""People: invite, change, deactivate, give credits. People are never deleted."""

import logging
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import audit, invitations, ledger, sessions
from accounts.admin import quotas, rights, usage
from accounts.admin.amounts import ask_amount
from accounts.admin.changes import Snapshot
from accounts.admin.recorded import RecordedAdmin
from accounts.commits import after_commit
from accounts.events import Event
from accounts.groups import STAFF, label_of
from accounts.http import actor_of
from accounts.invitations import Invitation
from accounts.models import Team, User
from accounts.phrases import listed

log = logging.getLogger(__name__)

# What a person may do, see and sign in with depends on these fields. A change ends their sessions
# and their sign-in links.
ACCESS = {"is_active", "is_staff", "is_superuser", "groups", "user_permissions", "team", "email"}


class PersonForm(forms.ModelForm):
    def clean_email(self) -> str:
        email = self.cleaned_data["email"].strip().lower()
        if User.objects.exclude(pk=self.instance.pk).filter(email__iexact=email).exists():
            raise ValidationError(_("There is a person with this address already."))
        return email


class GroupField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, group: Any) -> str:
        return label_of(group.name)


class GroupFilter(admin.RelatedFieldListFilter):
    def field_choices(self, *args: Any) -> Any:
        return [(key, label_of(str(name))) for key, name in super().field_choices(*args)]


@admin.register(User)
class UserAdmin(RecordedAdmin):
    form = PersonForm
    actions = ["top_up", "mail_link", "show_link", "erase"]
    list_display = [
        *("email", "name", "team", "roles", "is_active", "quota"),
        *usage.COLUMNS,
    ]
    list_editable = ["quota"]
    list_per_page = 25  # each row has a form
    list_filter = ["team", "is_active", ("groups", GroupFilter)]
    list_select_related = ["team"]
    search_fields = ["email", "name"]
    search_help_text = _("E-mail address or name")
    ordering = ["email"]
    add_fields = ("email", "name", "team", "groups", "language")
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people = super().get_queryset(request).filter(rights.reachable_people(actor_of(request)))
        return usage.with_allowance(people.prefetch_related("groups"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_top_up_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_allowance")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": self.add_fields})]
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
            kwargs["queryset"] = rights.givable_groups(actor_of(request))
            kwargs["widget"] = forms.CheckboxSelectMultiple
            kwargs["form_class"] = GroupField
        else:
            kwargs["queryset"] = Permission.objects.select_related("content_type")  # for its name
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    # Inviting and changing

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
            quotas.follow_own_quota(obj, actor=actor_of(request))
        elif "team" in form.changed_data:
            quotas.follow_default(obj, before=before, actor=actor_of(request))

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

    # The list

    @admin.display(description=_("groups"))
    def roles(self, person: User) -> str:
        return listed(*sorted(label_of(group.name) for group in person.groups.all()))

    @admin.action(description=_("Top up credits"), permissions=["top_up"])
    def top_up(self, request: HttpRequest, queryset: QuerySet[User]) -> TemplateResponse | None:
        def apply(person: User, credits: int, reason: str) -> None:
            ledger.top_up(person, credits, actor=actor_of(request), reason=reason)

        return ask_amount(self, request, queryset, title=_("Top up credits"), apply=apply)

    @admin.action(description=_("Send the invitation again"), permissions=["change"])
    def mail_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        if not invitations.can_mail():
            self.message_user(
                request,
                _("No mail goes out: EMAIL_URL is not set. Show the sign-in link instead."),
                messages.ERROR,
            )
            return
        for person in queryset.filter(is_active=True):
            invitation = invitations.renew(person, actor=actor_of(request), shown=False)
            after_commit(self._mail, request, invitation)

    @admin.action(description=_("Show sign-in link"), permissions=["change"])
    def show_link(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        people = [person for person in queryset if person.is_active]
        refused = [person for person in people if rights.is_above(person, actor_of(request))]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Sign-in links"),
            "opts": self.opts,
            "invitations": [
                invitations.renew(person, actor=actor_of(request), shown=True)
                for person in people
                if person not in refused
            ],
            "refused": refused,
        }
        return TemplateResponse(request, "admin/accounts/links.html", context)

    @admin.action(description=_("Erase"), permissions=["erase"])
    def erase(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Lead to the page that says what would be erased, and asks for a reason."""
        people = list(queryset[:2])
        if len(people) > 1:
            self.message_user(request, _("Erase one person at a time."), messages.ERROR)
            return None
        given = urlencode({"scope": "person", "what": str(people[0].uuid)})
        return redirect(f"{reverse('admin:generations_erasure_add')}?{given}")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.add_erasure")

    def _hand_over(self, request: HttpRequest, invitation: Invitation) -> None:
        if invitations.can_mail():
            self._mail(request, invitation)
        self.message_user(
            request,
            _("Link for %(person)s to set a password and sign in: %(link)s")
            % {"person": invitation.user, "link": invitation.link},
        )

    def _mail(self, request: HttpRequest, invitation: Invitation) -> None:
        address = invitation.user.email
        try:
            invitations.mail(invitation)
        except OSError as error:
            log.error("An invitation could not be mailed: %s", type(error).__name__)
            text, level = _("The mail to %(address)s could not be sent."), messages.ERROR
        else:
            text, level = _("Mailed to %(address)s."), messages.SUCCESS
        self.message_user(request, text % {"address": address}, level)


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
