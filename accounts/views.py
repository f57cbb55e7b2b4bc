"""A person's own pages: the account, credits with the entries that explain them, and notices."""

import re
from copy import copy
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import access, audit, keyset
from accounts import notices as admin_notices
from accounts.events import Event
from accounts.forms import ProfileForm, time_zones
from accounts.http import SignedInRequest
from accounts.models import Allowance, Entry, Reading, User

ENTRIES_A_PAGE = 50
READINGS_A_PAGE = 50
# Each month costs a query.
MONTHS_A_PAGE = 12


@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
def account(request: SignedInRequest) -> HttpResponse:
    # A form writes into its instance, and the page around it shows what is saved.
    person = copy(request.user)
    form = ProfileForm(request.POST or None, instance=person)
    if form.is_valid():
        _save_profile(form)
        translation.activate(person.language or translation.get_language_from_request(request))
        messages.success(request, _("Your profile is saved."))
        return redirect("account")
    context = {"form": form, "time_zones": time_zones()}
    status = 422 if form.is_bound else 200
    return render(request, "accounts/account.html", context, status=status)


@require_safe
@access.checked
def readings(request: SignedInRequest) -> HttpResponse:
    """Who has looked at the person's prompts, newest first."""
    mine = Reading.objects.filter(author=request.user)
    page = keyset.page(
        mine.select_related("reader"),
        cursor=request.GET.get("before", ""),
        anchors=mine,
        size=READINGS_A_PAGE,
    )
    context = {"page": page, "zone": request.user.tzinfo}
    return render(request, "accounts/readings.html", context)


@require_GET
@access.checked
def credits(request: SignedInRequest) -> HttpResponse:
    page = entries_of(request.user, before=request.GET.get("before", ""), size=ENTRIES_A_PAGE)
    return render(request, "accounts/credits.html", {"page": page})


@require_safe
@access.checked
def notices(request: SignedInRequest) -> HttpResponse:
    """What admins are told: first what is ongoing, then what is over."""
    muted = admin_notices.muted_kinds(request.user)
    kinds = [(kind, kind.name in muted) for kind in admin_notices.declared()]
    shown = admin_notices.notices_for(request.user)
    return render(request, "accounts/notices.html", {"notices": shown, "kinds": kinds})


@require_POST
@access.checked
def notices_read(request: SignedInRequest, uuid: UUID | None = None) -> HttpResponse:
    """Mark one notice as read for this person, or all if there is no `uuid`."""
    admin_notices.mark_read(request.user, None if uuid is None else [uuid])
    return redirect("notices")


@require_POST
@access.checked
def notices_mute(request: SignedInRequest, kind: str) -> HttpResponse:
    """Mute a kind of notices for this person; with `on`, unmute it."""
    if kind not in {declared.name for declared in admin_notices.declared()}:
        raise Http404
    change = admin_notices.unmute if request.POST.get("on") else admin_notices.mute
    change(request.user, kind)
    return redirect("notices")


@dataclass(frozen=True)
class EntriesPage:
    """Entries by month. `next_cursor` leads to older ones; it is empty if there are none."""

    entries: list[Entry]
    next_cursor: str


def entries_of(user: User, *, before: str, size: int) -> EntriesPage:
    """At most `size` entries of a person: the newest month first, and its newest entry first.

    A month holds everything that was charged to it, even later. `before` is the `next_cursor` of
    the page before, or empty. Raises Http404 if it names no entry of `user`.
    """
    last = _entry(user, before) if before else None
    place = keyset.Place(last.created_at, last.pk) if last else None
    months, more = _months(user, last), False
    shown: list[Entry] = []
    for month in months[:MONTHS_A_PAGE]:
        entries = month.entries.select_related("allowance", "actor")
        found, more = keyset.newest([entries], place, size=size - len(shown))
        shown, place = shown + found, None
        more = more or month != months[-1]
        if len(shown) == size:
            break
    return EntriesPage(shown, str(shown[-1].pk) if more else "")


def _months(user: User, last: Entry | None) -> list[Allowance]:
    """The months of one page that have entries, from that of `last`, and one month more."""
    has_entries = Exists(Entry.objects.filter(allowance=OuterRef("pk")))
    months = Allowance.objects.filter(has_entries, user=user).order_by("-month")
    if last:
        months = months.filter(month__lte=last.allowance.month)
    return list(months[: MONTHS_A_PAGE + 1])


def _entry(user: User, cursor: str) -> Entry:
    """The entry of `user` that a cursor names. Raises Http404 if there is none."""
    if not re.fullmatch(r"\d{1,18}", cursor, re.ASCII):
        raise Http404
    mine = Entry.objects.filter(allowance__user=user).select_related("allowance")
    return get_object_or_404(mine, pk=int(cursor))


@transaction.atomic
def _save_profile(form: ProfileForm) -> None:
    changed = form.changed_data
    if not changed:
        return
    user = form.save(commit=False)
    user.save(update_fields=changed)
    audit.record(
        Event.USER_CHANGED,
        actor=user,
        subject=user,
        facts={"changed": changed},
        personal={
            "before": {name: form.initial[name] for name in changed},
            "after": {name: form.cleaned_data[name] for name in changed},
        },
    )
