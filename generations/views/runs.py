"""The buttons with which people try again, change or cancel their own runs."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.audit import readings
from accounts.errors import InsufficientCredits
from accounts.http import SignedInRequest
from generations import dismissals, live, submission
from generations.forms.asking import Offer, offer_after
from generations.models import Generation, Run
from generations.providers.advice import Remedy
from generations.providers.errors import UnsupportedOption
from generations.reading import dismissed, feed
from generations.submission import SubmissionRefused
from generations.views.rendering import is_partial, see_other
from generations.views.studio import live_context


@require_POST
@access.checked
def try_again(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Ask again for the images that did not come."""
    run = _own_run(request, uuid)
    try:
        with submission.refusals_of_more(run, actor=request.user):
            submission.try_again(run, actor=request.user)
    except (InsufficientCredits, SubmissionRefused) as error:
        return _refused(request, run, error)
    return _back(request, run)


@require_POST
@access.checked
def remedy(request: SignedInRequest, uuid: UUID, name: str) -> HttpResponse:
    """Ask for the images that did not come in another way, as a new run."""
    run = _own_run(request, uuid)
    pressed = next((each for each in submission.ONE_PRESS_REMEDIES if each == name), None)
    if pressed is None:
        raise Http404
    try:
        with submission.refusals_of_more(run, actor=request.user, remedy=pressed):
            submission.remedy(run, pressed, actor=request.user)
    except (InsufficientCredits, SubmissionRefused, UnsupportedOption) as error:
        return _refused(request, run, error)
    return _back(request, run)


@require_POST
@access.checked
def instead(request: SignedInRequest, uuid: UUID, engine: str, credits: int) -> HttpResponse:
    """Cancel what waits in a run, and ask for its missing images at another engine."""
    run = _own_run(request, uuid)
    try:
        with submission.refusals_of_more(run, actor=request.user, remedy=Remedy.OTHER_ENGINE):
            submission.send_elsewhere(run, engine, credits=credits, actor=request.user)
    except (InsufficientCredits, SubmissionRefused, UnsupportedOption) as error:
        return _refused(request, run, error)
    return _back(request, run)


@require_POST
@access.checked
def cancel(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Cancel a request. If it is too late, the page shows its current state."""
    generations = Generation.objects.visible_to(request.user)
    generation = get_object_or_404(
        generations.select_related("run"), uuid=uuid, run__user=request.user
    )
    submission.cancel(generation, actor=request.user)
    return _back(request, generation.run)


@require_POST
@access.checked
def dismiss(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Take a run without images out of the feed: of everybody if it is one's own, else of one."""
    run = _seen_run(request, uuid)
    is_dismissed = dismissals.dismiss(run, request.user)
    if not is_partial(request):
        named = str(run.uuid) if is_dismissed else ""
        return see_other("studio", scope=request.GET.get("scope", ""), dismissed=named)
    return _dismissed(request, run, is_dismissed=is_dismissed)


@require_safe
@access.checked
def dismissed_runs(request: SignedInRequest) -> HttpResponse:
    """The runs that this person has dismissed, the last first."""
    page = dismissed.page(request.user, cursor=request.GET.get("before", ""))
    readings.note_prompts_seen(request.user, page.authors, where="studio")
    return render(request, "generations/dismissed_runs.html", {"page": page})


@require_POST
@access.checked
def restore(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Put a run that this person has dismissed back into the feed."""
    run = _seen_run(request, uuid)
    dismissals.restore(run, request.user)
    if "list" in request.GET:
        messages.success(request, _("The run is in the feed again."))
        return see_other("dismissed-runs")
    if not is_partial(request):
        return see_other("studio", scope=request.GET.get("scope", ""))
    return _dismissed(request, run, is_dismissed=False)


def _dismissed(request: SignedInRequest, run: Run, *, is_dismissed: bool) -> HttpResponse:
    """The feed without the run, and the offer to put it back; or the feed with it."""
    cards = feed.cards([run], viewer=request.user)
    context = live_context(request, live.tag(request.user.pk)) | {
        "dismissed": cards[0] if is_dismissed else None,
        "cards": cards,
    }
    return render(request, "generations/_dismissed.html", context)


def _seen_run(request: SignedInRequest, uuid: UUID) -> Run:
    runs = Run.objects.visible_to(request.user).select_related("user")
    return get_object_or_404(runs, uuid=uuid)


def _own_run(request: SignedInRequest, uuid: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(request.user), uuid=uuid, user=request.user)


def _refused(request: SignedInRequest, run: Run, error: Any) -> HttpResponse:
    """The run with what refused the press; if credits are missing, with a button to ask for them.

    Without htmx, a redirect: to the page where credits are asked for, or to the studio.
    """
    offer = offer_after(error, user=request.user, path=request.path, run=run)
    if is_partial(request):
        return _back(request, run, refusal=error.message, offer=offer)
    messages.error(request, error.message)
    if offer:
        return see_other("credits", mark=offer.mark)
    return see_other("studio", scope=request.GET.get("scope", ""))


def _back(
    request: SignedInRequest, run: Run, *, refusal: str = "", offer: Offer | None = None
) -> HttpResponse:
    """The run as it is now, with the feed around it; without htmx, a redirect to the studio."""
    if not is_partial(request):
        return see_other("studio", scope=request.GET.get("scope", ""))
    tag = live.tag(request.user.pk)
    shown = Run.objects.select_related("user").get(pk=run.pk)
    context = live_context(request, tag) | {
        "cards": feed.cards([shown], viewer=request.user),
        "refusal": refusal,
        "offer": offer,
    }
    return render(request, "generations/_run.html", context, status=422 if refusal else 200)
