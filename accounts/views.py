"""A person's own pages: the account, who has read their prompts, and notices."""

from copy import copy
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import access, audit, keyset, personal_notices
from accounts import notices as admin_notices
from accounts.events import Event
from accounts.forms import MailForm, ProfileForm, time_zones
from accounts.http import SignedInRequest
from accounts.invitations import can_mail
from accounts.models import Reading, User

READINGS_A_PAGE = 50


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
    return _account(request, form, _mail_form(request.user), status=422 if form.is_bound else 200)


@require_POST
@access.checked
def account_mail(request: SignedInRequest) -> HttpResponse:
    """Choose when one's notices come by mail. The studio answers 404 if it sends no mail."""
    if not can_mail():
        raise Http404
    form = MailForm(request.POST)
    if not form.is_valid():
        return _account(request, ProfileForm(instance=request.user), form, status=422)
    personal_notices.choose_mail(request.user, form.cleaned_data["when"])
    messages.success(request, _("Your choice is saved."))
    return redirect("account")


def _account(
    request: SignedInRequest, form: ProfileForm, mail: MailForm | None, *, status: int
) -> HttpResponse:
    context = {"form": form, "mail": mail, "time_zones": time_zones()}
    return render(request, "accounts/account.html", context, status=status)


def _mail_form(user: User) -> MailForm | None:
    """The choice of mail, if the studio sends any."""
    return MailForm(initial={"when": personal_notices.mail_choice(user)}) if can_mail() else None


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


@require_safe
@access.checked
def notices(request: SignedInRequest) -> HttpResponse:
    """The person's own notices. Admins also see those about the studio: ongoing ones first."""
    personal = admin_notices.personal_for(request.user)
    if not request.user.has_perm(access.SEE_NOTICES):
        return render(request, "accounts/notices.html", {"personal": personal})
    muted = admin_notices.muted_kinds(request.user)
    kinds = [(kind, kind.name in muted) for kind in admin_notices.declared()]
    shown = admin_notices.notices_for(request.user)
    about = {"notices": shown, "kinds": kinds, "periods": admin_notices.PERIODS}
    context = {"personal": personal, **about}
    return render(request, "accounts/notices.html", context)


@require_POST
@access.checked
def notices_read(request: SignedInRequest, uuid: UUID | None = None) -> HttpResponse:
    """Mark one notice as read for this person, or all if there is no `uuid`."""
    uuids = None if uuid is None else [uuid]
    admin_notices.mark_personal_read(request.user, uuids)
    if request.user.has_perm(access.SEE_NOTICES):
        admin_notices.mark_read(request.user, uuids)
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


@require_POST
@access.checked
def notice_mute(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Mute one notice for all admins, for `days` or until it ends; with `on`, unmute it."""
    if request.POST.get("on"):
        admin_notices.unmute_notice(uuid, actor=request.user)
        return redirect("notices")
    periods = {str(days or ""): days for days in admin_notices.PERIODS}
    days = request.POST.get("days", "")
    if days not in periods:
        raise Http404
    if not admin_notices.mute_notice(uuid, actor=request.user, days=periods[days]):
        messages.info(request, _("This notice is over already."))
    return redirect("notices")


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
