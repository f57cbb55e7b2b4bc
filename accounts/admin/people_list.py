"""The list of people: this month's credits, own quotas, and acts on several people at once."""

import logging
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import groups, invitations, ledger
from accounts.admin import limits, own_quotas, rights, usage
from accounts.admin.amounts import TopUpsForm, ask_amount
from accounts.admin.shown_values import QuotaFields, ShownValuesAdmin
from accounts.commits import after_commit
from accounts.http import actor_of
from accounts.invitations import Invitation
from accounts.models import User
from accounts.phrases import listed

log = logging.getLogger(__name__)


class GroupFilter(admin.RelatedFieldListFilter):
    """By group, with the names that pages have for them."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        choices = super().field_choices(field, request, model_admin)
        return [(pk, groups.title_of(str(name))) for pk, name in choices]


class QuotaForm(QuotaFields):
    """A person's own quota, in a row of the list."""

    conditional = ("quota",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label = _("Own credits a month of %(person)s") % {"person": self.instance}
        self.fields["quota"].widget.attrs["aria-label"] = label


class PeopleList(ShownValuesAdmin):
    actions = ["top_up", "set_quota", "copy_limits", "mail_link", "show_link", "erase"]
    list_display = ["who", *usage.COLUMNS, "team", "roles", "is_active", "quota"]
    list_editable = ["quota"]
    list_per_page = 25  # each row has a form
    list_filter = ["team", usage.UsedFilter, "is_active", ("groups", GroupFilter)]
    list_select_related = ["team"]
    search_fields = ["email", "name"]
    search_help_text = _("E-mail address or name")
    ordering = ["email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people = super().get_queryset(request).filter(rights.reachable_people(actor_of(request)))
        return usage.with_allowance(people.prefetch_related("groups"))

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[forms.ModelForm]:
        return QuotaForm

    def has_top_up_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_allowance")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.add_erasure")

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
        def apply(person: User, **chosen: Any) -> None:
            ledger.top_up(person, **chosen, actor=actor_of(request))

        title = _("Top up credits")
        return ask_amount(self, request, queryset, title=title, apply=apply, form_class=TopUpsForm)

    @admin.action(description=_("Set own quota"), permissions=["change"])
    def set_quota(self, request: HttpRequest, queryset: QuerySet[User]) -> TemplateResponse | None:
        def apply(person: User, *, credits: int, reason: str, seen: str) -> None:
            own_quotas.change_quota(
                person, credits, shown=person.quota, actor=actor_of(request), reason=reason
            )

        title, form_class = _("Set own quota"), own_quotas.QuotasForm
        asked = ask_amount(self, request, queryset, title=title, apply=apply, form_class=form_class)
        if asked is None:
            self._say_who_used_up(request, queryset)
        return asked

    @admin.action(description=_("Copy last month's limits"), permissions=["top_up"])
    def copy_limits(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        copied = limits.copy_last_month(queryset, actor=actor_of(request))
        done = ngettext(
            "%(changed)d of %(all)d person has last month's limit now.",
            "%(changed)d of %(all)d people have last month's limit now.",
            copied.people,
        )
        numbers = {"changed": copied.changed, "all": copied.people}
        self.message_user(request, done % numbers, messages.SUCCESS)
        if copied.without:
            text = _("Without a limit last month: %(people)s.")
            people = {"people": listed(*map(str, copied.without))}
            self.message_user(request, text % people, messages.WARNING)
        self._say_who_used_up(request, queryset)

    def _say_who_used_up(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for said in usage.used_up(queryset.all()):  # as they are now
            self.message_user(request, said, messages.WARNING)

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
