"""The studio's page: the composer and the feed."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from accounts import access, ledger
from accounts.audit import readings
from accounts.errors import InsufficientCredits
from accounts.http import SignedInRequest, takes_body
from accounts.identifiers import uuid_of
from generations import dismissals, live, submission
from generations.forms import ComposeForm
from generations.forms import composer as composers
from generations.models import Run
from generations.providers.errors import UnsupportedOption
from generations.reading import feed
from generations.submission import AlreadyMade, KeyReused, SubmissionRefused
from generations.views import live as live_answers
from generations.views.rendering import is_partial, page_or_fragment, see_other
from generations.views.uploads import MOST_BYTES, expect_files


@takes_body(MOST_BYTES)
@csrf_exempt  # `_asked` checks the token after the permissions, because the check reads the files
@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
def studio(request: SignedInRequest) -> HttpResponse:
    """The page. A POST asks for images and redirects to the page, with the form filled in again.

    Everybody comes here after signing in. People without the right to see images are told what to
    do.
    """
    if not request.user.has_perm(access.SEE_IMAGES):
        return render(request, "generations/no_images.html")
    if request.method != "POST":
        run, image = request.GET.get("reuse", ""), request.GET.get("reference", "")
        form = composers.prefilled_form(request.user, run=run, image=image)
        return _page(request, form)
    expect_files(request)
    return _asked(request)


@csrf_protect
def _asked(request: SignedInRequest) -> HttpResponse:
    form = ComposeForm(request.POST, request.FILES, user=request.user)
    made = _submit(form) if form.is_valid() else "invalid"
    if not isinstance(made, Run):
        _record_refusal(request, form, why=made)
        return _page(request, form, status=422)
    return see_other("studio", reuse=str(made.uuid), scope=request.GET.get("scope", ""))


@takes_body(MOST_BYTES)
@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
def composer(request: SignedInRequest) -> HttpResponse:
    """The composer again, after a choice that changes the options or the price."""
    given = (request.POST or request.GET).copy()
    if gone := given.get("remove"):
        given.setlist("references", [each for each in given.getlist("references") if each != gone])
    form = ComposeForm.fitting(given, user=request.user)
    if not is_partial(request):
        return _page(request, form)
    return render(request, "generations/_composer.html", _composer_context(request, form))


@require_safe
def live_feed(request: HttpRequest) -> HttpResponse:
    """The answer to a poll. It needs no database as long as nothing has changed."""
    return live_answers.known_answer(request) or _drawn(request)


@require_safe
@access.checked
def feed_news(request: SignedInRequest) -> HttpResponse:
    """How many images team-mates have made since the page was opened."""
    given = {name: request.GET.get(name, "") for name in ("since", "until")}
    context = {"news": feed.news(request.user, until=given["until"]), **given}
    response = render(request, "generations/_feed_news.html", context)
    return live_answers.unless_known(request, response)


@require_safe
@access.checked
def older(request: SignedInRequest) -> HttpResponse:
    """Runs further down the feed."""
    scope, cursor = feed.scope_of(request.GET.get("scope", "")), request.GET.get("before", "")
    page = feed.page(request.user, scope=scope, cursor=cursor)
    _note_reading(request, page.cards)
    given = {name: request.GET.get(name, "") for name in ("since", "until")}
    context = {"scope": scope, "feed": page, **given}
    return page_or_fragment(request, "generations/older.html", "generations/_older.html", context)


@access.checked
def _drawn(request: SignedInRequest) -> HttpResponse:
    # Read before the rows, so that the next poll shows a change made in between.
    tag = live.tag(request.user.pk)
    context = live_context(request, live_answers.TAG_TO_COME)
    response = render(request, "generations/_live.html", context)
    return live_answers.keep(request, tag, response)


def live_context(request: SignedInRequest, tag: str) -> dict[str, Any]:
    """The part of the feed that updates itself, for the page's scope and oldest run."""
    scope, since = feed.scope_of(request.GET.get("scope", "")), request.GET.get("since", "")
    until = request.GET.get("until", "")
    state = feed.live(request.user, scope=scope, since=since, until=until)
    return {
        "scope": scope,
        "since": state.since,
        "until": state.until,
        "shows_news": not until,
        "live": state,
        "tag": tag,
        "balance": ledger.balance(request.user),
    }


def _page(request: SignedInRequest, form: ComposeForm, *, status: int = 200) -> HttpResponse:
    tag = live.tag(request.user.pk)
    scope = feed.scope_of(request.GET.get("scope", ""))
    state = feed.live(request.user, scope=scope)
    _note_reading(request, state.cards)
    context = _composer_context(request, form) | {
        "since": state.since,
        "until": state.until,
        "live": state,
        "tag": tag,
        "dismissed": _dismissed(request),
    }
    return render(request, "generations/studio.html", context, status=status)


def _dismissed(request: SignedInRequest) -> feed.RunCard | None:
    """The run that was dismissed without scripts, so that the page can offer to put it back."""
    uuid = uuid_of(request.GET.get("dismissed", ""))
    if uuid is None:
        return None
    run = Run.objects.visible_to(request.user).filter(uuid=uuid).select_related("user").first()
    if run is None or not dismissals.has_dismissed(run, request.user):
        return None
    return feed.cards([run], viewer=request.user)[0]


def _note_reading(request: SignedInRequest, cards: Iterable[feed.RunCard]) -> None:
    authors = {card.author for card in cards}
    readings.note_prompts_seen(request.user, authors, where="studio")


def _composer_context(request: SignedInRequest, form: ComposeForm) -> dict[str, Any]:
    balance = ledger.balance(request.user)
    may_make = access.may_make(request.user)
    return {
        "scope": feed.scope_of(request.GET.get("scope", "")),
        "composer": composers.composer_of(form, balance=balance) if may_make else None,
        "balance": balance,
    }


def _submit(form: ComposeForm) -> Run | str:
    """The run that the form asks for, or why it is refused; the form then says so in words."""
    try:
        return submission.submit(form.user, form.to_request())
    except AlreadyMade as found:
        form.made = found
        return submission.why(found)
    except (SubmissionRefused, UnsupportedOption) as error:
        form.refuse(error.message, field=error.field)
        if isinstance(error, KeyReused):
            form.renew_key()
        return submission.why(error)
    except InsufficientCredits as error:
        form.refuse(error.message)
        return submission.why(error)


def _record_refusal(request: SignedInRequest, form: ComposeForm, *, why: str) -> None:
    submission.record_refusal(
        request.user,
        prompt=request.POST.get("prompt", ""),
        negative_prompt=request.POST.get("negative_prompt", ""),
        engine=request.POST.get("engine", ""),
        why=why,
        fields=sorted(form.errors),
        messages=[str(text) for texts in form.errors.values() for text in texts],
    )
