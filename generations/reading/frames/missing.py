"""Frames for what a request did not bring: what happened, what it cost, what to do."""

from collections import defaultdict
from dataclasses import replace

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from generations.models import Generation, Run
from generations.paths import reuse_path
from generations.pricing import credits_in_words
from generations.providers.advice import GIVEN_UP, Advice, Remedy, explain
from generations.providers.errors import Code
from generations.reading.frames.frame import Frame, RemedyButton, State
from generations.reading.frames.rows import Gathered
from generations.states import Status
from generations.submission import Offer

MOST_REMEDIES = 2


def brought_all(generation: Generation, rows: Gathered) -> bool:
    """A set asks for at most so many: what came is all that was wanted, unless some went wrong."""
    sequential = generation.run.options.get("sequential")
    return bool(
        sequential
        and generation.status == Status.SUCCEEDED
        and not rows.codes_of_failed(generation)
    )


def missing(
    generation: Generation, positions: list[int], rows: Gathered, viewer: User
) -> dict[int, Frame]:
    """What a request did not bring: one frame for each reason, at the first place it left empty."""
    reasons = defaultdict(list)
    # What was not even named in an answer broke off with what was.
    otherwise = generation.error_code or next(reversed(rows.codes_of_failed(generation)), "")
    for position in positions:
        code = rows.failed.get((generation.pk, position - generation.position))
        reasons[code or otherwise].append(position)
    return {
        places[0]: replace(
            _reason(generation, code, rows, viewer),
            id=f"frame-{generation.run.uuid}-{places[0]}",
            images=len(places),
            cost=_cost(generation, len(places), rows, viewer),
        )
        for code, places in reasons.items()
    }


def _reason(generation: Generation, code: str, rows: Gathered, viewer: User) -> Frame:
    if generation.status == Status.CANCELLED:
        return Frame(State.CANCELLED, "", title=_("Cancelled"))
    advice = explain(code, generation.error_raw_code, generation.provider)
    if code == Code.OUTCOME_UNKNOWN:
        advice = GIVEN_UP
    mine = generation.run.user_id == viewer.pk
    return Frame(
        State.FAILED,
        "",
        title=str(advice.title),
        note=str(advice.what_to_do),
        remedies=_remedies(generation, advice, rows) if mine else (),
    )


def _remedies(generation: Generation, advice: Advice, rows: Gathered) -> tuple[RemedyButton, ...]:
    offers = rows.offers.get(generation.run_id, {})
    fitting = [each for each in advice.remedies if each in (Remedy.EDIT_PROMPT, *offers)]
    return tuple(_remedy(generation.run, each, offers) for each in fitting[:MOST_REMEDIES])


def _remedy(run: Run, remedy: Remedy, offers: dict[Remedy, Offer]) -> RemedyButton:
    if remedy == Remedy.EDIT_PROMPT:
        return RemedyButton(_("Edit prompt"), href=reuse_path(run.uuid))
    offer = offers[remedy]
    label = f"{offer.label} · {credits_in_words(offer.credits)}"
    return RemedyButton(label, path=reverse("run-remedy", args=[run.uuid, remedy]))


def _cost(generation: Generation, images: int, rows: Gathered, viewer: User) -> str:
    """What the missing images of a request cost its person."""
    credits = images * generation.price.credits
    if generation.uuid not in rows.returned:
        sentence = ngettext(
            "%(count)d credit was charged.", "%(count)d credits were charged.", credits
        )
    elif generation.run.user_id == viewer.pk:
        sentence = ngettext(
            "Your %(count)d credit is back.", "Your %(count)d credits are back.", credits
        )
    else:
        sentence = ngettext("%(count)d credit is back.", "%(count)d credits are back.", credits)
    return sentence % {"count": credits}
