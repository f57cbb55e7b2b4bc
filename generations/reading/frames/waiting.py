"""Frames for what is on its way: the place in line, the step, and how long it may take."""

from collections.abc import Sequence
from dataclasses import replace

from django.contrib.humanize.templatetags.humanize import ordinal
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from generations import submission
from generations.models import Generation
from generations.providers import registry
from generations.providers.advice import explain
from generations.providers.errors import Code
from generations.reading import waits
from generations.reading.frames.frame import Frame, State
from generations.reading.frames.rows import Gathered
from generations.states import Status


def waiting(
    generation: Generation, positions: Sequence[int], rows: Gathered, viewer: User
) -> dict[int, Frame]:
    """A frame for each place that the request is to fill; the first may cancel it."""
    frame = _waiting(generation, rows)
    name = f"frame-{generation.run.uuid}"
    frames = {position: replace(frame, id=f"{name}-{position}") for position in positions}
    if _may_cancel(generation, viewer):
        first = positions[0]
        frames[first] = _with_cancel(frames[first], generation, frames=len(positions))
    return frames


def _waiting(generation: Generation, rows: Gathered) -> Frame:
    match generation.status:
        case Status.QUEUED:
            return _queued(generation, rows.places.get(generation.pk, 1))
        case Status.SUBMITTING:
            return _sending(generation)
        case Status.RUNNING:
            return _running(generation)
        case Status.STORING:
            return _storing(generation, generation.delivered + rows.fetched.get(generation.pk, 0))
    return _unknown(generation)


def _queued(generation: Generation, place: int) -> Frame:
    if generation.error_code:  # it was sent, and came back
        why = str(explain(generation.error_code).title)
        return Frame(State.QUEUED, "", title=_("Waiting to try again"), note=why)
    seconds = waits.seconds_in_line(generation.run, place)
    note = _("in line")
    if seconds is not None:
        note = _("in line, %(estimate)s") % {"estimate": waits.about(seconds)}
    return Frame(State.QUEUED, "", place=str(ordinal(place)), note=note)


def _sending(generation: Generation) -> Frame:
    """Where the answer brings the pictures, sending is most of the wait."""
    engine = registry.known_engines().get(generation.run.engine)
    if engine is None or not engine.capabilities.answers_at_once:
        return Frame(State.SENT, "", title=_("Sending"))
    if not generation.delivered:
        return _running(generation)
    return replace(_storing(generation, generation.delivered), title=_("Generating"))


def _running(generation: Generation) -> Frame:
    if generation.cancel_asked_at:
        return Frame(State.SENT, "", title=_("Cancelling"), note=_("what still arrives is kept"))
    seconds = waits.typical_seconds(generation.run)
    note = _("usually %(estimate)s") % {"estimate": waits.about(seconds)} if seconds else ""
    return Frame(State.SENT, "", title=_("Generating"), note=note)


def _storing(generation: Generation, received: int) -> Frame:
    wanted = generation.wanted
    note = _("%(received)d of %(wanted)d received") % {"received": received, "wanted": wanted}
    return Frame(State.SAVING, "", title=_("Saving"), note=note, received=received, wanted=wanted)


def _unknown(generation: Generation) -> Frame:
    advice = explain(Code.OUTCOME_UNKNOWN)
    return Frame(State.UNKNOWN, "", title=str(advice.title), note=str(advice.what_to_do))


def _may_cancel(generation: Generation, viewer: User) -> bool:
    mine = generation.run.user_id == viewer.pk
    cancelling = generation.cancel_asked_at is not None
    return mine and not cancelling and submission.can_cancel(generation)


def _with_cancel(frame: Frame, generation: Generation, *, frames: int) -> Frame:
    """One request is cancelled as a whole, so one button stands for all of its frames."""
    label = _("Cancel") if frames == 1 else _("Cancel all %(count)d") % {"count": frames}
    path = reverse("generation-cancel", args=[generation.uuid])
    return replace(frame, cancel=path, cancel_label=label, cancels_all=frames > 1)
