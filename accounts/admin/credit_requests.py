"""The queue of requests for credits: admins grant or decline each in its row.

The list shows no prompts. The page of a request shows its prompt to those who may see images of its
team, on record.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts import access, credit_requests, ledger
from accounts.admin import person_page
from accounts.admin.cards import named
from accounts.admin.long_lists import LongList, LongListMixin
from accounts.admin.recorded import ReadOnlyAdmin
from accounts.audit import readings
from accounts.errors import AccountsError, InvalidAmount
from accounts.http import actor_of
from accounts.ledger import MAX_CREDITS
from accounts.models import CreditRequest, User

Status = CreditRequest.Status
Short = CreditRequest.Short


# What pages call an engine; `generations.admin` knows it.
ENGINE_IN_WORDS: list[Callable[[str], str]] = []


class DecisionForm(forms.Form):
    """What an admin decides. The number of credits counts only if they are granted."""

    decision = forms.ChoiceField(choices=[("grant", _("Grant")), ("decline", _("Decline"))])
    credits = forms.IntegerField(
        label=_("Credits"), min_value=1, max_value=MAX_CREDITS, required=False
    )
    word = forms.CharField(
        label=_("Word to the person"), max_length=credit_requests.LONGEST_NOTE, required=False
    )


class StateFilter(admin.SimpleListFilter):
    """Open requests, unless others are asked for."""

    title = pgettext_lazy("of a request", "state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("decided", _("Decided")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": _("Open")}, *others]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "all":
                return queryset
            case "decided":
                return queryset.exclude(status=Status.OPEN)
        return queryset.filter(status=Status.OPEN)


class Queue(LongList):
    """The list with what each person and team have left now, in one query for all rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = credit_requests.with_figures(self.result_list)
        for row in rows:
            row.may_decide = request.user.has_perm("accounts.change_allowance")
        self.result_list = rows


@admin.register(CreditRequest)
class CreditRequestAdmin(LongListMixin, ReadOnlyAdmin):
    list_display = (
        *("who", "asked_for", "left_now", "used_now", "what_for", "their_note", "asked_at"),
        "decision",
    )
    list_display_links = None
    list_filter = (StateFilter,)
    list_per_page = 25  # each row has a form
    list_select_related = ("user__team", "team", "decided_by")
    change_list_template = "admin/accounts/credit_requests.html"
    change_form_template = "admin/accounts/credit_request.html"
    fields = (
        *("user", "team", "credits", "missing", "short", "price", "engine", "note", "created_at"),
        *("status", "granted", "decided_by", "decided_at", "word"),
    )
    list_parameters: ClassVar[tuple[str, ...]] = (*LongListMixin.list_parameters, "state")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Queue]:
        return Queue

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide)
        own = path("<int:pk>/decide/", decide, name="accounts_creditrequest_decide")
        return [own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_decide = request.user.has_perm("accounts.change_allowance")
        context = {"title": _("Requests for credits"), "may_decide": may_decide}
        return super().changelist_view(request, context | (extra_context or {}))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        asked = self.get_object(request, object_id)
        context = _prompt_shown(asked, actor_of(request)) if asked else {}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    @method_decorator(require_POST)
    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Grant or decline one request, as the form in its row says."""
        if not request.user.has_perm("accounts.change_allowance"):
            raise PermissionDenied
        asked = get_object_or_404(CreditRequest.objects.select_related("user"), pk=pk)
        try:
            told = _decided(asked, DecisionForm(request.POST), actor=actor_of(request))
        except AccountsError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, told, messages.SUCCESS)
        return redirect("admin:accounts_creditrequest_changelist")

    # Columns

    @admin.display(description=_("person"))
    def who(self, asked: CreditRequest) -> SafeString:
        team = str(asked.user.team)
        if asked.team_id != asked.user.team_id:
            team = gettext("%(now)s, then %(then)s") % {"now": team, "then": asked.team}
        off = "" if asked.user.is_active else gettext("deactivated")
        page = reverse("admin:accounts_creditrequest_change", args=[asked.pk])
        text = '<a href="{}">{}</a><br><span class="quiet">{}</span> {}'
        return format_html(text, page, asked.user, team, off)

    @admin.display(description=_("asked for"))
    def asked_for(self, asked: CreditRequest) -> SafeString:
        return named(gettext("asked for"), str(asked.credits))

    @admin.display(description=_("left now"))
    def left_now(self, asked: Any) -> SafeString:
        own = asked.own.left if asked.own else ledger.quota_in_force(asked.user)[0]
        if asked.user.team.quota is None:
            return named(gettext("left now"), str(own))
        team = asked.of_team.left if asked.of_team else asked.user.team.quota
        of_team = gettext("team: %(left)s") % {"left": team}
        cell = format_html('{} <span class="quiet">{}</span>', own, of_team)
        return named(gettext("left now"), cell)

    @admin.display(description=_("used this month"))
    def used_now(self, asked: Any) -> SafeString:
        used = asked.own.used if asked.own else 0
        return named(gettext("used this month"), str(used))

    @admin.display(description=_("what for"))
    def what_for(self, asked: CreditRequest) -> str:
        if not asked.price:
            return gettext("nothing in particular")
        engine = next((words(asked.engine) for words in ENGINE_IN_WORDS), asked.engine)
        about = {"engine": engine, "price": asked.price, "missing": asked.missing}
        text = gettext("%(engine)s for %(price)s credits, %(missing)s are missing")
        short = "" if asked.short == Short.PERSON else Short(asked.short).label
        return f"{text % about} ({short})" if short else text % about

    @admin.display(description=_("note"))
    def their_note(self, asked: CreditRequest) -> SafeString:
        return named(gettext("note"), asked.note or "–")

    @admin.display(description=_("asked at"))
    def asked_at(self, asked: CreditRequest) -> SafeString:
        at = date_format(asked.created_at, "SHORT_DATETIME_FORMAT")
        return named(gettext("asked at"), at)

    @admin.display(description=_("decision"))
    def decision(self, asked: Any) -> SafeString | str:
        return _form_of(asked) if asked.is_open and asked.may_decide else _in_words(asked)


def _decided(asked: CreditRequest, form: DecisionForm, *, actor: User) -> str:
    """Do what the form says; returns what the admin is told. Raises AccountsError."""
    if not form.is_valid():
        raise InvalidAmount(person_page.what_is_wrong(form))  # type: ignore[arg-type]
    word, credits = form.cleaned_data["word"], form.cleaned_data["credits"] or asked.credits
    if form.cleaned_data["decision"] == "decline":
        credit_requests.decline(asked, actor=actor, word=word)
        return gettext("Declined. %(person)s is told.") % {"person": asked.user}
    credit_requests.grant(asked, credits, actor=actor, word=word)
    told = gettext("Granted: %(credits)s credits more. %(person)s is told.")
    return told % {"credits": credits, "person": asked.user}


def _form_of(asked: CreditRequest) -> SafeString:
    """The fields with which a row is decided."""
    longest, credits = credit_requests.LONGEST_NOTE, str(asked.credits)
    values = {"asked": asked, "credits": credits, "most": str(MAX_CREDITS), "longest": longest}
    return render_to_string("admin/accounts/_decide.html", values)


def _in_words(asked: CreditRequest) -> str:
    what = Status(asked.status).label
    by = {"what": what, "credits": asked.granted, "person": asked.decided_by, "word": asked.word}
    if asked.status == Status.GRANTED:
        text = gettext("%(what)s: %(credits)s, by %(person)s. %(word)s")
    elif asked.decided_by:
        text = gettext("%(what)s by %(person)s. %(word)s")
    else:
        return str(what)
    return text % by


def _prompt_shown(asked: CreditRequest, reader: User) -> dict[str, Any]:
    """The prompt, if `reader` may see images of its team; that they read it is recorded."""
    if not asked.prompt:
        return {"asked_prompt": "", "may_read": True}
    if not reader.has_perm(access.SEE_IMAGES) or reader.team_id != asked.team_id:
        return {"asked_prompt": "", "may_read": False}
    readings.note_prompts_seen(reader, [asked.user_id], where="credit request")
    return {"asked_prompt": asked.prompt, "may_read": True}
