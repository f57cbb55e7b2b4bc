"""Frames for missing images: what happened, what it cost, and what to do."""

from collections import defaultdict
from dataclasses import replace

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import may_make
from accounts.models import User
from accounts.phrases import sentences
from accounts.stored_texts import read
from generations.models import Generation, Run
from generations.paths import reuse_path
from generations.pricing import credits_in_words
from generations.providers.advice import GIVEN_UP, MAY_BE_BILLED, Advice, Remedy, explain
from generations.providers.errors import Code
from generations.reading.frames.frame import Frame, FrameState, RemedyButton
from generations.reading.frames.instead import with_offer
from generations.reading.frames.rows import Gathered
from generations.states import Status
from generations.submission import Offer

MOST_REMEDIES = 2


def brought_all(generation: Generation, rows: Gathered) -> bool:
    """Whether a set is complete, even with fewer images than asked for: none of them failed."""
    sequential = generation.run.options.get("sequential")
    return bool(
        sequential
        and generation.status == Status.SUCCEEDED
        and not rows.codes_of_failed(generation)
    )


def missing(
    generation: Generation, positions: list[int], rows: Gathered, viewer: User
) -> dict[int, Frame]:
    """Frames for a request's missing images: one for each reason, at its first empty position."""
    reasons = defaultdict(list)
    # Images that the answer does not name failed for the reason of the last one that it names.
    otherwise = generation.error_code or next(reversed(rows.codes_of_failed(generation)), "")
    for position in positions:
        code = rows.failed.get((generation.pk, position - generation.position))
        reasons[code or otherwise].append(position)
    return {
        empty[0]: replace(
            _reason(generation, code, rows, viewer),
            id=f"frame-{generation.run.uuid}-{empty[0]}",
            images=len(empty),
            cost=_cost(generation, len(empty), rows, viewer),
        )
        for code, empty in reasons.items()
    }


def _reason(generation: Generation, code: str, rows: Gathered, viewer: User) -> Frame:
    if generation.status == Status.CANCELLED:
        return Frame(FrameState.CANCELLED, "", title=_("Cancelled"))
    advice = explain(code, generation.error_raw_code, generation.provider)
    if code == Code.OUTCOME_UNKNOWN:
        advice = GIVEN_UP
    problem = rows.problems.get(generation.run_id) if code == Code.REFERENCE_REJECTED else ""
    pressable = generation.run.user_id == viewer.pk and may_make(viewer)
    frame = Frame(
        FrameState.FAILED,
        "",
        title=str(advice.title),
        note=sentences(read(problem or ""), _note(generation, advice)),
        remedies=_remedies(generation, advice, rows) if pressable else (),
    )
    return with_offer(frame, generation.run, rows, viewer)


def _note(generation: Generation, advice: Advice) -> str:
    return sentences(advice.what_to_do, MAY_BE_BILLED if generation.may_arrive_until else "")


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
    """A sentence on what the missing images of a request cost its person."""
    credits = images * generation.image_credits
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
