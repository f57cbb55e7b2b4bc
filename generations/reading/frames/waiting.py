"""Frames for images still to come: the place in line, the step, and how long it may take."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import ordinal
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.phrases import sentences
from generations import submission
from generations.jobs.execution import adopting
from generations.models import Generation
from generations.paths import cancel_path
from generations.providers import registry
from generations.providers.advice import NOTHING_COMES, explain
from generations.providers.errors import Code
from generations.reading import waits
from generations.reading.amounts import of_wanted
from generations.reading.frames.frame import Frame, FrameState
from generations.reading.frames.instead import with_offer
from generations.reading.frames.rows import Gathered
from generations.states import Status

# What to do about a request that takes longer than usual.
_LATE = gettext_lazy("you need not wait here")


def waiting(
    generation: Generation, positions: Sequence[int], rows: Gathered, viewer: User
) -> dict[int, Frame]:
    """A frame for each position that the request is to fill. The first has the cancel button."""
    frame = _waiting(generation, rows)
    if generation.status == Status.QUEUED:
        frame = with_offer(frame, generation.run, rows, viewer)
    name = f"frame-{generation.run.uuid}"
    frames = {position: replace(frame, id=f"{name}-{position}") for position in positions}
    if _may_cancel(generation, viewer):
        first = positions[0]
        frames[first] = _with_cancel(frames[first], generation, frames=len(positions))
    return frames


def _waiting(generation: Generation, rows: Gathered) -> Frame:
    match generation.status:
        case Status.QUEUED:
            return _queued(generation, rows)
        case Status.SUBMITTING:
            return _sending(generation, rows)
        case Status.RUNNING:
            return _running(generation, rows)
        case Status.STORING:
            return _storing(generation, generation.delivered + rows.fetched.get(generation.pk, 0))
    return _unknown(generation)


def _queued(generation: Generation, rows: Gathered) -> Frame:
    if generation.preparing_since:
        return Frame(FrameState.QUEUED, "", title=_("Preparing your reference"))
    if generation.error_code:  # the request was sent and will be sent again
        why = str(explain(generation.error_code).title)
        return Frame(FrameState.QUEUED, "", title=_("Waiting to try again"), note=why)
    place = rows.places.get(generation.pk, 1)
    if place > waits.COUNTED:
        # No estimate: people take turns, so those with few requests are served long before this
        # place.
        title = _("More than %(count)d before you") % {"count": waits.COUNTED}
        return Frame(FrameState.QUEUED, "", title=title, note=_("in line; people take turns"))
    seconds = waits.seconds_in_line(generation.run, place, rows.paces[generation.provider])
    note = _("in line")
    if seconds is not None:
        note = _("in line, %(estimate)s") % {"estimate": waits.about(seconds)}
    return Frame(FrameState.QUEUED, "", place=_ordinal(place, get_language()), note=note)


@lru_cache(maxsize=waits.COUNTED)
def _ordinal(place: int, language: str | None) -> str:
    """The place as 1st, 2nd …, for which `ordinal` looks up ten translations."""
    return str(ordinal(place))


def _sending(generation: Generation, rows: Gathered) -> Frame:
    """The frame of a request that is being sent.

    If the engine's answer brings the images, sending is most of the wait.
    """
    engine = registry.known_engines().get(generation.run.engine)
    if engine is None or not engine.capabilities.answers_at_once:
        return Frame(FrameState.SENT, "", title=_("Sending"))
    if not generation.delivered:
        return _running(generation, rows)
    return replace(_storing(generation, generation.delivered), title=_("Generating"))


def _running(generation: Generation, rows: Gathered) -> Frame:
    if generation.cancel_asked_at:
        return Frame(
            FrameState.SENT, "", title=_("Cancelling"), note=_("images that still arrive are kept")
        )
    seconds = waits.typical_seconds(generation.run, rows.paces[generation.provider])
    if waits.is_late(generation.submitted_at, seconds):
        return Frame(FrameState.SENT, "", title=_("Taking longer than usual"), note=str(_LATE))
    note = _("usually %(estimate)s") % {"estimate": waits.about(seconds)} if seconds else ""
    return Frame(FrameState.SENT, "", title=_("Generating"), note=note)


def _storing(generation: Generation, received: int) -> Frame:
    wanted = generation.wanted
    note = _("%(received)s received") % {"received": of_wanted(received, wanted)}
    shown = min(received, wanted)
    return Frame(FrameState.SAVING, "", title=_("Saving"), note=note, received=shown, wanted=wanted)


def _unknown(generation: Generation) -> Frame:
    comes = adopting.can_still_arrive(generation)
    advice = explain(Code.OUTCOME_UNKNOWN) if comes else NOTHING_COMES
    note = sentences(advice.what_to_do, _released_after(settings.UNKNOWN_RELEASE_HOURS))
    if generation.came_late:
        note = _("It may still arrive. The credits do not change any more.")
    return Frame(FrameState.UNKNOWN, "", title=str(advice.title), note=note)


def _released_after(hours: int) -> str:
    sentence = ngettext(
        "After %(count)d hour they are returned automatically.",
        "After %(count)d hours they are returned automatically.",
        hours,
    )
    return sentence % {"count": hours} if hours else ""


def _may_cancel(generation: Generation, viewer: User) -> bool:
    mine = generation.run.user_id == viewer.pk
    cancelling = generation.cancel_asked_at is not None
    return mine and not cancelling and submission.can_cancel(generation)


def _with_cancel(frame: Frame, generation: Generation, *, frames: int) -> Frame:
    """Add the button. A request is cancelled as a whole, so one button serves all its frames."""
    label = _("Cancel") if frames == 1 else _("Cancel all %(count)d") % {"count": frames}
    path = cancel_path(generation.uuid)
    return replace(frame, cancel=path, cancel_label=label, cancels_all=frames > 1)
