"""People: invite, change, deactivate, give credits. People are never deleted."""

import logging
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts import audit, groups, invitations, ledger, sessions
from accounts.admin import inviting, person_page, quotas, rights, usage
from accounts.admin.amounts import ask_amount
from accounts.admin.changes import Snapshot
from accounts.admin.recorded import RecordedAdmin
from accounts.commits import after_commit
from accounts.errors import InvalidAmount
from accounts.events import Event
from accounts.groups import STAFF
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


class GroupFilter(admin.RelatedFieldListFilter):
    """By group, with the names that pages have for them."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        choices = super().field_choices(field, request, model_admin)
        return [(pk, groups.title_of(str(name))) for pk, name in choices]


class QuotaForm(forms.ModelForm):
    """A person's own quota, in a row of the list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label = _("Own credits a month of %(person)s") % {"person": self.instance}
        self.fields["quota"].widget.attrs["aria-label"] = label


@admin.register(User)
class UserAdmin(RecordedAdmin):
    form = PersonForm
    actions = ["top_up", "mail_link", "show_link", "erase"]
    list_display = ["who", *usage.COLUMNS, "team", "roles", "is_active", "quota"]
    list_editable = ["quota"]
    list_per_page = 25  # each row has a form
    list_filter = ["team", "is_active", ("groups", GroupFilter)]
    list_select_related = ["team"]
    search_fields = ["email", "name"]
    search_help_text = _("E-mail address or name")
    ordering = ["email"]
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people = super().get_queryset(request).filter(rights.reachable_people(actor_of(request)))
        return usage.with_allowance(people.prefetch_related("groups"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_top_up_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_allowance")

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[forms.ModelForm]:
        return QuotaForm

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

    # The list

    @admin.display(description=_("person"), ordering="email")
    def who(self, person: User) -> str | SafeString:
        if not person.name:
            return person.email
        return format_html('{}<br><span class="small quiet">{}</span>', person.name, person.email)

    @admin.display(description=_("groups"))
    def roles(self, person: User) -> str:
        return listed(*sorted(groups.title_of(group.name) for group in person.groups.all()))

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
            _(
                "Link for %(person)s to set a password, which signs them in at once: %(link)s It "
                "works once. Give it to nobody else."
            )
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
