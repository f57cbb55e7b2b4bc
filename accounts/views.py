"""A person's own pages: the account, and the credits with the entries that explain them."""

import datetime as dt
import re
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import audit
from accounts.events import Event
from accounts.forms import NameForm
from accounts.http import SignedInRequest
from accounts.models import Entry, User

ENTRIES_A_PAGE = 50
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def account(request: SignedInRequest) -> HttpResponse:
    before = request.user.name
    form = NameForm(request.POST or None, instance=request.user)
    if form.is_valid():
        _rename(form, before=before)
        messages.success(request, _("Your name is saved."))
        return redirect("account")
    status = 422 if form.is_bound else 200
    return render(request, "accounts/account.html", {"form": form}, status=status)


@require_GET
@login_required
def credits(request: SignedInRequest) -> HttpResponse:
    page = entries_of(request.user, before=request.GET.get("before", ""), size=ENTRIES_A_PAGE)
    return render(request, "accounts/credits.html", {"page": page})


@dataclass(frozen=True)
class EntriesPage:
    """Entries, newest first; `next_cursor` leads to older ones, and is empty without any."""

    entries: list[Entry]
    next_cursor: str


def entries_of(user: User, *, before: str, size: int) -> EntriesPage:
    """The newest `size` entries of a person's allowances; with a cursor, those older than it."""
    entries = (
        Entry.objects.filter(allowance__user=user)
        .select_related("allowance", "actor")
        .order_by("-created_at", "-id")
    )
    if before:
        created_at, pk = _position(before)
        entries = entries.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    found = list(entries[: size + 1])
    shown = found[:size]
    return EntriesPage(shown, _cursor(shown[-1]) if len(found) > size else "")


def _cursor(entry: Entry) -> str:
    return f"{(entry.created_at - EPOCH) // dt.timedelta(microseconds=1)}-{entry.pk}"


def _position(cursor: str) -> tuple[dt.datetime, int]:
    """The time and key that a cursor stands for. Raises Http404 for text that is none."""
    match = re.fullmatch(r"(\d{1,16})-(\d{1,18})", cursor, re.ASCII)
    if not match:
        raise Http404
    return EPOCH + dt.timedelta(microseconds=int(match[1])), int(match[2])


@transaction.atomic
def _rename(form: NameForm, *, before: str) -> None:
    if not form.has_changed():
        return
    user = form.save(commit=False)
    user.save(update_fields=["name"])
    audit.record(
        Event.USER_CHANGED,
        actor=user,
        subject=user,
        facts={"changed": ["name"]},
        personal={"before": {"name": before}, "after": {"name": user.name}},
    )
