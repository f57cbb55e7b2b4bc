"""The frames of runs, as a page shows them: pictures, what is on its way, and what did not come.

    frames of a run = images + open slots + missing, in the order of their positions

Everything is a finished string: templates repeat a frame hundreds of times and compute nothing.
The number of queries is the same for any number of runs.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from django.contrib.humanize.templatetags.humanize import ordinal
from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Entry, User
from generations import submission
from generations.labelling import PREVIEW
from generations.models import Delivery, Generation, Rendition, Run
from generations.paths import download_path, image_path, rendition_path
from generations.providers.advice import explain
from generations.providers.errors import Code
from generations.reading import waits
from generations.reading.shapes import shape_of
from generations.states import ENDED, Status

ALT_LENGTH = 120


class State(StrEnum):
    """What a frame shows: a picture, one on its way, or why there is none."""

    DONE = "done"
    QUEUED = "queued"
    SENT = "sent"
    SAVING = "saving"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Frame:
    """One place in a run.

    `images` is how many places it stands for: what one request failed to bring is told once.
    `title`, `note` and `cost` are sentences; `cancel` and `try_again` are addresses of buttons.
    """

    state: State
    id: str
    images: int = 1
    title: str = ""
    note: str = ""
    cost: str = ""
    place: str = ""
    received: int | None = None
    wanted: int = 1
    cancel: str = ""
    cancel_label: str = ""
    cancels_all: bool = False
    try_again: str = ""
    href: str = ""
    src: str = ""
    alt: str = ""
    download: str = ""
    width: int = 0
    height: int = 0

    @property
    def count(self) -> str:
        """How many images the frame stands for, where it is more than one."""
        words = ngettext("%(count)d image", "%(count)d images", self.images)
        return words % {"count": self.images} if self.images > 1 else ""

    @property
    def icon(self) -> str:
        return _ICONS.get(self.state, "")


_ICONS = {
    State.FAILED: "triangle-alert",
    State.CANCELLED: "ban",
    State.UNKNOWN: "circle-question-mark",
}


@dataclass(frozen=True)
class Gathered:
    """The rows that frames are made of, each asked for once for all runs."""

    generations: dict[int, list[Generation]]
    previews: dict[int, list[Rendition]]
    places: dict[int, int]
    fetched: dict[int, int]
    failed: dict[tuple[int, int], str]
    returned: frozenset[UUID]


def frames_of(runs: Sequence[Run], *, viewer: User) -> dict[int, list[Frame]]:
    """The frames of each run by its key, with buttons for what `viewer` may do."""
    rows = _gather(runs)
    return {run.pk: _frames(run, rows, viewer) for run in runs}


def preview_frame(preview: Rendition, *, prompt: str) -> Frame:
    """A picture that links to its page. `preview` comes with its image."""
    image = preview.image
    return Frame(
        state=State.DONE,
        id=f"image-{image.uuid}",
        href=image_path(image.uuid),
        src=rendition_path(preview.uuid, preview.format),
        alt=alt_text(prompt),
        download=download_path(image.uuid),
        width=preview.width,
        height=preview.height,
    )


def alt_text(prompt: str) -> str:
    """What stands for a picture where it cannot be seen."""
    return _("Image generated with AI: %(prompt)s") % {"prompt": shortened(prompt, ALT_LENGTH)}


def shortened(text: str, length: int) -> str:
    """The beginning of `text` on one line, at most `length` characters."""
    line = " ".join(text[: 2 * length].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def shape_of_frames(frames: Iterable[Frame], otherwise: str) -> str:
    """The shape of a run's pictures: that of the first one that came."""
    return next((shape_of(f.width, f.height) for f in frames if f.state == State.DONE), otherwise)


# --- Rows --------------------------------------------------------------------------------------


def _gather(runs: Sequence[Run]) -> Gathered:
    by_key = {run.pk: run for run in runs}
    generations = defaultdict(list)
    found = list(Generation.objects.filter(run__in=by_key).select_related("price").order_by("pk"))
    for generation in found:
        generation.run = by_key[generation.run_id]
        generations[generation.run_id].append(generation)
    fetched, failed = _deliveries(found)
    return Gathered(
        generations=generations,
        previews=_previews(by_key),
        places=waits.places(found),
        fetched=fetched,
        failed=failed,
        returned=_returned(found),
    )


def _previews(runs: Iterable[int]) -> dict[int, list[Rendition]]:
    previews = defaultdict(list)
    rows = Rendition.objects.filter(recipe=PREVIEW.name, image__run__in=list(runs))
    for preview in rows.select_related("image"):
        previews[preview.image.run_id].append(preview)
    return previews


def _deliveries(
    generations: Iterable[Generation],
) -> tuple[dict[int, int], dict[tuple[int, int], str]]:
    """How many pictures of a generation wait to be labelled; what became of those given up."""
    fetched: dict[int, int] = defaultdict(int)
    failed = {}
    short = [row.pk for row in generations if row.delivered < row.wanted]
    states = (Delivery.Status.FETCHED, Delivery.Status.FAILED)
    rows = Delivery.objects.filter(generation__in=short, status__in=states)
    for key, index, status, code in rows.values_list("generation", "index", "status", "error_code"):
        if status == Delivery.Status.FETCHED:
            fetched[key] += 1
        else:
            failed[key, index] = code
    return fetched, failed


def _returned(generations: Iterable[Generation]) -> frozenset[UUID]:
    """The generations of which credits went back to the person."""
    ended = [row.uuid for row in generations if row.ended_at and row.delivered < row.wanted]
    released = Entry.objects.filter(
        generation__in=ended, kind=Entry.Kind.RELEASE, allowance__user__isnull=False
    )
    totals = released.order_by().values("generation").annotate(total=Sum("amount"))
    return frozenset(row["generation"] for row in totals if row["generation"] and row["total"])


# --- Frames ------------------------------------------------------------------------------------


def _frames(run: Run, rows: Gathered, viewer: User) -> list[Frame]:
    frames = {
        preview.image.position: preview_frame(preview, prompt=run.prompt)
        for preview in rows.previews.get(run.pk, ())
    }
    for generation, positions in _empty_places(run, rows, taken=set(frames)):
        frames |= _without_picture(generation, positions, rows, viewer)
    hidden = [p.image.position for p in rows.previews.get(run.pk, ()) if p.image.hidden_at]
    return [frames[position] for position in sorted(frames) if position not in hidden]


def _empty_places(
    run: Run, rows: Gathered, *, taken: set[int]
) -> list[tuple[Generation, list[int]]]:
    """Each request with the places that it has not filled; one made later takes places over."""
    generations = rows.generations[run.pk]
    owners = {
        position: generation
        for generation in generations
        for position in range(generation.position, generation.position + generation.wanted)
        if position not in taken
    }
    places = [
        (generation, [position for position, owner in owners.items() if owner is generation])
        for generation in generations
        if not _brought_all(generation)
    ]
    return [(generation, positions) for generation, positions in places if positions]


def _brought_all(generation: Generation) -> bool:
    """A sequential set asks for at most so many: what came is all that was wanted."""
    sequential = generation.run.options.get("sequential")
    return bool(sequential and generation.status == Status.SUCCEEDED)


def _without_picture(
    generation: Generation, positions: list[int], rows: Gathered, viewer: User
) -> dict[int, Frame]:
    if generation.status in ENDED:
        return _missing(generation, positions, rows, viewer)
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
            return Frame(State.SENT, "", title=_("Sending"))
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


def _missing(
    generation: Generation, positions: list[int], rows: Gathered, viewer: User
) -> dict[int, Frame]:
    """What a request did not bring: one frame for each reason, at the first place it left empty."""
    reasons = defaultdict(list)
    for position in positions:
        code = rows.failed.get((generation.pk, position - generation.position))
        reasons[code or generation.error_code].append(position)
    return {
        places[0]: replace(
            _reason(generation, code),
            id=f"frame-{generation.run.uuid}-{places[0]}",
            images=len(places),
            cost=_cost(generation, len(places), rows, viewer),
        )
        for code, places in reasons.items()
    }


def _reason(generation: Generation, code: str) -> Frame:
    if generation.status == Status.CANCELLED:
        return Frame(State.CANCELLED, "", title=_("Cancelled"))
    advice = explain(code, generation.error_raw_code, generation.provider)
    return Frame(State.FAILED, "", title=str(advice.title), note=str(advice.what_to_do))


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


def _may_cancel(generation: Generation, viewer: User) -> bool:
    mine = generation.run.user_id == viewer.pk
    cancelling = generation.cancel_asked_at is not None
    return mine and not cancelling and submission.can_cancel(generation)


def _with_cancel(frame: Frame, generation: Generation, *, frames: int) -> Frame:
    """One request is cancelled as a whole, so one button stands for all of its frames."""
    label = _("Cancel") if frames == 1 else _("Cancel all %(count)d") % {"count": frames}
    path = reverse("generation-cancel", args=[generation.uuid])
    return replace(frame, cancel=path, cancel_label=label, cancels_all=frames > 1)
