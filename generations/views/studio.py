"""The studio's page: the composer and the feed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access, credit_requests, languages, ledger
from accounts.audit import readings
from accounts.errors import InsufficientCredits
from accounts.http import SignedInRequest, takes_body
from accounts.identifiers import uuid_of
from accounts.models import CreditRequest
from generations import dismissals, drafts, live, submission
from generations.forms import ComposeForm, examples, tray
from generations.forms import composer as composers
from generations.forms.composer import DraftState
from generations.models import Run
from generations.providers.errors import UnsupportedOption
from generations.reading import feed
from generations.submission import AlreadyMade, KeyReused, SubmissionRefused
from generations.views import drafts as draft_views
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
        return _page(request, *_prefilled(request))
    expect_files(request)
    return _asked(request)


def _prefilled(request: SignedInRequest) -> tuple[ComposeForm, DraftState]:
    """The form as the person finds it. From a run or an example, it shows nothing of the draft."""
    asked, kept = request.GET, drafts.saved(request.user)
    waiting = _waiting(request)
    form = composers.prefilled_form(
        request.user,
        run=asked.get("reuse", ""),
        images=asked.getlist("reference")[: tray.MOST_AT_ONCE],
        snippet=asked.get("snippet", ""),
        kept=kept,
        granted=waiting.draft if waiting else None,
    )
    example = examples.example_form(request.user, asked.get("example", ""), engine=_engine_of(form))
    shows_kept = kept and not (form.parent or example or waiting)
    seen = str(kept.version) if kept and shows_kept else ""
    return example or form, composers.draft_state(kept, seen=seen)


def _waiting(request: SignedInRequest) -> CreditRequest | None:
    """The request for which credits were granted, if its draft is asked for."""
    found = credit_requests.newest(request.user) if "granted" in request.GET else None
    return found if found and found.waits and not found.press else None


def _engine_of(form: ComposeForm) -> str:
    return form.draft.engine.name if form.draft.engine else ""


@csrf_protect
def _asked(request: SignedInRequest) -> HttpResponse:
    form = ComposeForm(request.POST, request.FILES, user=request.user)
    made = _submit(form) if form.is_valid() else "invalid"
    if not isinstance(made, Run):
        _record_refusal(request, form, why=made)
        kept = drafts.saved(request.user)
        seen = request.POST.get("draft_version", "")
        return _page(request, form, composers.draft_state(kept, seen=seen), status=422)
    draft_views.keep(request, request.POST, sent=True)
    return see_other("studio", reuse=str(made.uuid), scope=request.GET.get("scope", ""))


@takes_body(MOST_BYTES)
@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
def composer(request: SignedInRequest) -> HttpResponse:
    """The composer again, after a choice that changes the options or the price."""
    return show_composer(request, tray.changed(request.POST or request.GET))


def show_composer(
    request: SignedInRequest, given: Mapping[str, Any], *, notes: Sequence[str] = ()
) -> HttpResponse:
    """The composer with as much of `given` as the engine takes; the page if htmx did not ask.

    What was sent is kept as the person's draft.
    """
    state = draft_views.keep(request, given) if request.method == "POST" else DraftState()
    form = ComposeForm.fitting(given, user=request.user)
    form.notes += notes
    if not is_partial(request):
        return _page(request, form, state)
    return render(request, "generations/_composer.html", _composer_context(request, form, state))


@takes_body(draft_views.MOST_BYTES)
@require_POST
@access.checked
def other_draft(request: SignedInRequest) -> HttpResponse:
    """Bring the draft back that another page has replaced, or discard it."""
    if request.POST.get("other") == "discard":
        drafts.discard_replaced(request.user)
    draft_views.keep(request, request.POST)
    if request.POST.get("other") == "bring-back":
        drafts.bring_back(request.user)
    if not is_partial(request):
        return see_other("studio", scope=request.GET.get("scope", ""))
    context = _composer_context(request, *_prefilled(request))
    return render(request, "generations/_composer.html", context)


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
    languages.use_choice_of(request)
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


def _page(
    request: SignedInRequest, form: ComposeForm, draft: DraftState, *, status: int = 200
) -> HttpResponse:
    tag = live.tag(request.user.pk)
    scope = feed.scope_of(request.GET.get("scope", ""))
    state = feed.live(request.user, scope=scope)
    _note_reading(request, state.cards)
    context = _composer_context(request, form, draft) | {
        "since": state.since,
        "until": state.until,
        "live": state,
        "tag": tag,
        "examples": _examples(request, form, state.cards),
        "dismissed": _dismissed(request),
    }
    return render(request, "generations/studio.html", context, status=status)


def _examples(
    request: SignedInRequest, form: ComposeForm, cards: Iterable[feed.RunCard]
) -> list[examples.Offer]:
    """Examples for a person without runs who may make images."""
    has_made = any(card.author == request.user.pk for card in cards)
    if has_made or not access.may_make(request.user):
        return []
    return examples.offers(request.user, engine=_engine_of(form))


def _dismissed(request: SignedInRequest) -> feed.RunCard | None:
    """The run that was dismissed without scripts, so that the page can offer to put it back."""
    uuid = uuid_of(request.GET.get("dismissed", ""))
    runs = Run.objects.visible_to(request.user).select_related("user")
    run = runs.filter(uuid=uuid).first() if uuid else None
    if run is None or not dismissals.has_dismissed(run, request.user):
        return None
    return feed.cards([run], viewer=request.user)[0]


def _note_reading(request: SignedInRequest, cards: Iterable[feed.RunCard]) -> None:
    authors = {card.author for card in cards}
    readings.note_prompts_seen(request.user, authors, where="studio")


def _composer_context(
    request: SignedInRequest, form: ComposeForm, draft: DraftState
) -> dict[str, Any]:
    balance = ledger.balance(request.user)
    may_make = access.may_make(request.user)
    return {
        "scope": feed.scope_of(request.GET.get("scope", "")),
        "composer": (
            composers.composer_of(form, balance=balance, draft=draft) if may_make else None
        ),
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
