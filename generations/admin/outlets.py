"""The outlet of notices in the Django admin, and what is on its way there."""

import secrets
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts import notices, outlets
from accounts.admin import ReadOnlyAdmin, RecordedAdmin
from accounts.admin.long_lists import LongListMixin
from accounts.http import actor_of
from accounts.models import Outlet, Posting
from accounts.notices import kinds
from generations import postings
from generations.providers.addresses import host_ports, origin
from generations.providers.errors import FetchFailed
from generations.providers.fetching import MOST_CHARACTERS, check_link

SHORTEST_SECRET, LONGEST_SECRET = 16, 200
# What a field of the form is in the row.
COLUMNS = {"address": "sealed_address", "secret": "sealed_secret", "sent": "left_out"}


def _kinds() -> list[tuple[str, Any]]:
    """The kinds that the outlet takes: all but the one that says that it fails."""
    known = (kind for kind in notices.declared() if kind.name != outlets.FAILS)
    return [(kind.name, kind.label) for kind in known]


class OutletForm(forms.ModelForm):
    """Address and secret are never shown again: an empty field keeps what is stored."""

    address = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=MOST_CHARACTERS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "vTextField"}),
    )
    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        min_length=SHORTEST_SECRET,
        max_length=LONGEST_SECRET,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "vTextField"}),
        help_text=_(
            "Signs each message, so that a program of your own can tell who sent it. Empty: the "
            "secret stays as it is, and a new outlet gets one by chance. Chats need none."
        ),
    )
    sent = forms.MultipleChoiceField(
        label=_("Kinds that are sent"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Kinds of later versions of the studio are sent too, until you take them out."),
    )

    class Meta:
        model = Outlet
        fields = ("is_on", "format")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        left_out = set(self.instance.left_out)
        sent: Any = self.fields["sent"]
        sent.choices = _kinds()
        sent.initial = [name for name, _label in _kinds() if name not in left_out]
        self.fields["address"].help_text = self._address_in_words()

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"]
        if not address:
            if self._is_new:
                raise ValidationError(_("Enter the address."))
            return ""
        if problem := _problem_of(address):
            raise ValidationError(problem)
        return address

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        row, secret = self.instance, cleaned.get("secret", "")
        if address := cleaned.get("address"):
            row.sealed_address = outlets.seal(address)
        if secret or self._is_new:
            row.sealed_secret = outlets.seal(secret or secrets.token_urlsafe(32))
        sent = cleaned.get("sent", [])
        row.left_out = [name for name, _label in _kinds() if name not in sent]
        return cleaned

    @cached_property
    def changed_data(self) -> list[str]:
        return [COLUMNS.get(name, name) for name in super().changed_data]

    @property
    def _is_new(self) -> bool:
        return self.instance._state.adding

    def _address_in_words(self) -> str:
        if self._is_new:
            return gettext(
                "For example that of an incoming webhook of Slack, or of a workflow of Teams. It "
                "is stored encrypted and never shown again."
            )
        try:
            known = outlets.target(self.instance).masked
        except outlets.Unreadable:
            return postings.in_words(postings.KEY_CHANGED)
        return gettext("Now: %(address)s Empty: it stays as it is.") % {"address": known}


def _problem_of(address: str) -> str:
    """What is wrong with an address, as a sentence; empty if it may be called."""
    try:
        check_link(address, host_ports(settings.PROVIDER_PRIVATE_HOSTS))
        _scheme, host, _port = origin(address)
    except (FetchFailed, ValueError):
        return postings.in_words("address")
    if not host or "@" in address.partition("//")[2].partition("/")[0]:
        return gettext("Write an address like https://host/path, without a name and password.")
    return ""


@admin.register(Outlet)
class OutletAdmin(RecordedAdmin):
    """The one outlet, with a button that sends a test."""

    form = OutletForm
    fields = ("is_on", "address", "format", "secret", "sent")
    list_display = ("address", "is_on", "format")
    change_form_template = "admin/accounts/outlet.html"
    plain_text_fields: ClassVar[frozenset[str]] = frozenset({"left_out"})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and outlets.current() is None

    @admin.display(description=_("address"))
    def address(self, outlet: Outlet) -> str:
        try:
            return outlets.target(outlet).masked
        except outlets.Unreadable:
            return postings.in_words(postings.KEY_CHANGED)

    def get_urls(self) -> list[URLPattern]:
        test = self.admin_site.admin_view(self.send_test)
        return [path("<int:pk>/test/", test, name="accounts_outlet_test"), *super().get_urls()]

    @method_decorator(require_POST)
    def send_test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a test now, and say what came of it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        outlet = self.get_object(request, str(pk))
        if outlet is None:
            raise Http404
        trouble = postings.send_test(outlet, actor=actor_of(request))
        if trouble:
            text = gettext("The test did not arrive. %(reason)s")
            told = text % {"reason": postings.in_words(trouble)}
            self.message_user(request, told, messages.ERROR)
        else:
            self.message_user(request, _("The other side took the test."), messages.SUCCESS)
        return redirect("admin:accounts_outlet_change", pk)


@admin.register(Posting)
class PostingAdmin(LongListMixin, ReadOnlyAdmin):
    """What goes, or went, to the outlet. What was given up can be sent again."""

    actions = ("send_again",)
    list_display = ("made_at", "title", "state", "tries", "trouble_column", "next_try", "ended_at")
    list_filter = ("state",)
    list_select_related = ("notice",)
    fields = ("title", "state", "tries", "trouble_column", "made_at", "next_try", "ended_at")

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_outlet")

    @admin.display(description=_("notice"))
    def title(self, posting: Posting) -> str:
        notice = posting.notice
        return kinds.fill(kinds.named(notice.kind).title, notice.facts)

    @admin.display(description=_("last trouble"))
    def trouble_column(self, posting: Posting) -> str:
        return postings.in_words(posting.trouble)

    @admin.display(description=_("next try"))
    def next_try(self, posting: Posting) -> Any:
        return posting.next_try_at if posting.state == Posting.State.WAITING else None

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet) -> None:
        actor = actor_of(request)
        rows = queryset.select_related("notice")
        number = sum(postings.send_again(each, actor=actor) for each in rows)
        told = ngettext("%(n)d notice is sent again.", "%(n)d notices are sent again.", number)
        self.message_user(request, told % {"n": number}, messages.SUCCESS)
