"""A person's own pages: the account, who has read their prompts, and notices."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import access, audit, keyset
from accounts import notices as admin_notices
from accounts.events import Event
from accounts.forms import NameForm
from accounts.http import SignedInRequest
from accounts.models import Reading

READINGS_A_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
def account(request: SignedInRequest) -> HttpResponse:
    before = request.user.name
    form = NameForm(request.POST or None, instance=request.user)
    if form.is_valid():
        _rename(form, before=before)
        messages.success(request, _("Your name is saved."))
        return redirect("account")
    status = 422 if form.is_bound else 200
    return render(request, "accounts/account.html", {"form": form}, status=status)


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
    context = {"page": page, "zone": request.user.team.tzinfo}
    return render(request, "accounts/readings.html", context)


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
