"""A person's own credits: what became of them, as a page and as a table, and asking for more."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import access, audit, credit_requests, ledger
from accounts.credit_requests import Wish
from accounts.errors import AccountsError
from accounts.events import Event
from accounts.evidence.tables import cell
from accounts.http import SignedInRequest, takes_body
from generations import submission
from generations.drafts import DraftTooLong, values_of
from generations.forms import ComposeForm, tray
from generations.forms.asking import there, wish_marked
from generations.forms.credits import AskForm
from generations.forms.given import GivenValues
from generations.reading import credits as reading
from generations.reading.feed import engine_label
from generations.reading.usage.period import period_asked, presets
from generations.usage import day_of
from generations.views.drafts import MOST_BYTES
from generations.views.rendering import see_other
from generations.views.studio import show_composer


@require_safe
@access.checked
def credits(request: SignedInRequest) -> HttpResponse:
    """This month's figures, and the runs of a period with their credits: `?from=&to=&before=`."""
    mark = request.GET.get("mark", "")
    wish = wish_marked(mark, user=request.user)
    lacks = credit_requests.missing(request.user, wish.price).credits if wish else 0
    return _page(request, AskForm(initial={"credits": lacks or None, "mark": mark}))


@require_POST
@access.checked
def ask(request: SignedInRequest) -> HttpResponse:
    """Ask admins for credits: for as many as the form says, or as a button (`mark`) lacked."""
    given = request.POST.dict()
    wish = wish_marked(given.get("mark", ""), user=request.user)
    if wish and "credits" not in given:
        given["credits"] = str(credit_requests.missing(request.user, wish.price).credits)
    form = AskForm(given)
    if form.is_valid() and _sent(request, form, wish or Wish()):
        return see_other("credits")
    return _page(request, form, status=422)


@require_POST
@access.checked
def withdraw(request: SignedInRequest) -> HttpResponse:
    """Withdraw the open request, or let go of what granted credits wait for."""
    if credit_requests.withdraw(request.user):
        messages.success(request, _("Your request is withdrawn."))
    else:
        credit_requests.let_go(request.user)
    return see_other("credits")


@takes_body(MOST_BYTES)
@require_POST
@access.checked
def ask_for_draft(request: SignedInRequest) -> HttpResponse:
    """Ask for what the prompt in the composer lacks, and show the composer again.

    The prompt goes on record as one that was refused, as if it had been sent.
    """
    given = tray.changed(request.POST)
    form = ComposeForm.fitting(given, user=request.user)
    try:
        notes = _asked_for(request, form, given)
    except (AccountsError, DraftTooLong) as error:
        notes = [error.message]
    return show_composer(request, given, notes=notes)


@require_safe
@access.checked
def as_csv(request: SignedInRequest) -> HttpResponseBase:
    """The person's own runs of a period as a file, on record."""
    period, problem = period_asked(request.GET.dict(), day_of(request.user.team))
    if problem or reading.is_too_long(request.user, period):
        messages.error(request, problem or _("This table is too long. Choose a shorter period."))
        return redirect("credits")
    facts = {"from": period.first.isoformat(), "to": period.last.isoformat()}
    with transaction.atomic():
        audit.record(Event.CREDITS_EXPORTED, actor=request.user, subject=request.user, facts=facts)
    lines = _lines(reading.rows(request.user, period))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"credits-{period.first}-{period.last}.csv"
    response["Content-Disposition"] = content_disposition_header(True, name) or ""
    return response


def _lines(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield "\ufeff"  # without it, spreadsheets misread names
    for row in (reading.HEADINGS, *rows):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerow(cell(value) for value in row)
        yield text.getvalue()


def _page(request: SignedInRequest, form: AskForm, *, status: int = 200) -> HttpResponse:
    user, before = request.user, request.GET.get("before", "")
    today = day_of(user.team)
    period, problem = period_asked(request.GET.dict(), today)
    asked, balance = credit_requests.newest(user), ledger.balance(user)
    context = {
        "page": reading.page(user, period=period, before=before),
        "changes": [] if before else reading.changes(user),
        "period": period,
        "presets": presets(today),
        "problem": problem,
        "forecast": reading.forecast(user, balance, today),
        "before": before,
        "may_make": access.may_make(user),
        "asked": asked,
        "asked_engine": engine_label(asked.engine) if asked else "",
        "waiting": there(asked) if asked and asked.waits else None,
        "form": form,
        "balance": balance,
    }
    return render(request, "generations/credits.html", context, status=status)


def _sent(request: SignedInRequest, form: AskForm, wish: Wish) -> bool:
    """Send the request of a valid form; False if it is refused, which the form then says."""
    chosen = form.cleaned_data
    about = Wish(wish.price, wish.engine, wish.draft, note=chosen["note"])
    try:
        asked = credit_requests.ask(request.user, chosen["credits"], about)
    except AccountsError as error:
        form.add_error("credits", error.message)
        return False
    text = _("Your request for %(credits)s credits is sent. You are told what admins decide.")
    messages.success(request, text % {"credits": asked.credits})
    return True


def _asked_for(request: SignedInRequest, form: ComposeForm, given: Any) -> list[str]:
    """Ask for what the form lacks; returns what the person is told. Raises AccountsError."""
    price, engine = form.draft.price, form.draft.engine
    lacks = credit_requests.missing(request.user, price) if price else None
    if not (price and engine and lacks and lacks.credits):
        return [_("Your credits suffice: press Generate.")]
    draft = values_of(GivenValues.of(given).values)
    wish = Wish(price=price, engine=engine.name, draft=draft)
    asked = credit_requests.ask(request.user, lacks.credits, wish)
    submission.record_refusal(
        request.user,
        prompt=draft.get("prompt", ""),
        negative_prompt=draft.get("negative_prompt", ""),
        engine=engine.name,
        why="insufficient_credits",
        fields=[],
        messages=[],
    )
    return [] if asked.credits == lacks.credits else [_covered(asked.credits)]


def _covered(credits: int) -> str:
    text = _("You have asked for %(credits)s credits already, which covers this.")
    return text % {"credits": credits}
