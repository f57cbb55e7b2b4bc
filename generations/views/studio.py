"""The studio: the composer, and the feed that shows what becomes of it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import ledger
from accounts.errors import InsufficientCredits
from accounts.http import SignedInRequest
from generations import live, submission
from generations.forms import ComposeForm
from generations.forms import composer as composers
from generations.models import Run
from generations.providers.errors import UnsupportedOption
from generations.reading import feed
from generations.submission import AlreadyMade, KeyReused, SubmissionRefused
from generations.views import polling
from generations.views.rendering import is_partial, page_or_fragment, see_other

MAKE_IMAGES = "generations.add_run"


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def studio(request: SignedInRequest) -> HttpResponse:
    """The page; a POST asks for images and leads back to it, the form filled as it was sent."""
    if request.method != "POST":
        run, picture = request.GET.get("reuse", ""), request.GET.get("reference", "")
        form = composers.form_to_begin_with(request.user, run=run, picture=picture)
        return _page(request, form)
    if not request.user.has_perm(MAKE_IMAGES):
        raise PermissionDenied
    form = ComposeForm(request.POST, request.FILES, user=request.user)
    made = _submit(form) if form.is_valid() else None
    if made is None:
        return _page(request, form, status=422)
    return see_other("studio", reuse=str(made.uuid), scope=request.GET.get("scope", ""))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def composer(request: SignedInRequest) -> HttpResponse:
    """The composer anew, after a choice that changes what the engine can do or what it costs."""
    given = (request.POST or request.GET).copy()
    if gone := given.get("remove"):
        given.setlist("references", [each for each in given.getlist("references") if each != gone])
    form = ComposeForm.fitting(given, user=request.user)
    if not is_partial(request):
        return _page(request, form)
    return render(request, "generations/_composer.html", _composer_context(request, form))


@require_safe
def live_feed(request: HttpRequest) -> HttpResponse:
    """The poll: answered without the database as long as nothing has changed."""
    return polling.known_answer(request) or _drawn_anew(request)  # type: ignore[arg-type]


@require_safe
@login_required
def older(request: SignedInRequest) -> HttpResponse:
    """Runs further down the feed."""
    scope, cursor = feed.scope_of(request.GET.get("scope", "")), request.GET.get("before", "")
    context = {
        "scope": scope,
        "since": request.GET.get("since", ""),
        "feed": feed.page(request.user, scope=scope, cursor=cursor),
    }
    return page_or_fragment(request, "generations/older.html", "generations/_older.html", context)


@login_required
def _drawn_anew(request: SignedInRequest) -> HttpResponse:
    tag = live.tag(request.user.pk)  # before the rows: a change in between shows itself next time
    response = render(request, "generations/_live.html", live_context(request, tag))
    return polling.keep(request, tag, response)


def live_context(request: SignedInRequest, tag: str) -> dict[str, Any]:
    """The living part of the feed, for the scope and the oldest run that the page named."""
    scope, since = feed.scope_of(request.GET.get("scope", "")), request.GET.get("since", "")
    state = feed.live(request.user, scope=scope, since=since)
    return {
        "scope": scope,
        "since": state.since,
        "live": state,
        "tag": tag,
        "balance": ledger.balance(request.user),
    }


def _page(request: SignedInRequest, form: ComposeForm, *, status: int = 200) -> HttpResponse:
    tag = live.tag(request.user.pk)
    scope = feed.scope_of(request.GET.get("scope", ""))
    state = feed.live(request.user, scope=scope)
    context = _composer_context(request, form) | {
        "since": state.since,
        "live": state,
        "tag": tag,
    }
    return render(request, "generations/studio.html", context, status=status)


def _composer_context(request: SignedInRequest, form: ComposeForm) -> dict[str, Any]:
    balance = ledger.balance(request.user)
    may_make = request.user.has_perm(MAKE_IMAGES)
    return {
        "scope": feed.scope_of(request.GET.get("scope", "")),
        "composer": composers.composer_of(form, balance=balance) if may_make else None,
        "balance": balance,
    }


def _submit(form: ComposeForm) -> Run | None:
    """The run that the form asks for; None, and the reason in the form, where it is refused."""
    try:
        return submission.submit(form.user, form.to_request())
    except AlreadyMade as found:
        form.made = found
    except (SubmissionRefused, UnsupportedOption) as error:
        form.refuse(error.message, field=error.field)
        if isinstance(error, KeyReused):
            form.renew_key()
    except InsufficientCredits as error:
        form.refuse(error.message)
    return None
