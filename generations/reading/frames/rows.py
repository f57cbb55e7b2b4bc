"""The database rows for frames. The number of queries does not depend on the number of runs."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import Sum

from accounts.models import Entry, User
from generations import submission
from generations.label_chips import WORDS
from generations.labelling import PREVIEW
from generations.models import Delivery, Generation, Rendition, Run, RunReference
from generations.providers.advice import Remedy, explain
from generations.providers.errors import Code
from generations.reading import waits
from generations.states import ENDED, RunStatus, Status
from generations.submission import Elsewhere, Offer


class Preview(NamedTuple):
    """An image of a run and its smallest labelled file, whose pixels are `width` and `height`.

    `words` are those of the file's badge, if they are known.
    """

    run: int
    position: int
    image: UUID
    hidden_at: dt.datetime | None
    erased_at: dt.datetime | None
    source: str
    uuid: UUID
    format: str
    width: int
    height: int
    words: str | None

    @property
    def is_left_out(self) -> bool:
        """Whether pages leave the image out. For an erased one, they say that it was erased."""
        return self.hidden_at is not None and self.erased_at is None


# The columns of a request and its price that frames use; with all columns, 50 requests cost more.
COLUMNS = (
    *("uuid", "run", "provider", "status", "position", "wanted", "delivered", "task_id"),
    *("error_code", "error_raw_code", "came_late", "preparing_since", "cancel_asked_at"),
    *("submitted_at", "ended_at", "may_arrive_until", "idempotency_key", "references"),
    *("price__credits", "price__credits_per_reference", "price__free_references"),
)


@dataclass(frozen=True)
class Gathered:
    """The rows for the frames of several runs, read together.

    A run that has all its images has previews and nothing else. `paces` are by provider.
    """

    generations: dict[int, list[Generation]]
    previews: dict[int, list[Preview]]
    places: dict[int, int]
    paces: dict[str, waits.Pace]
    fetched: dict[int, int]
    failed: dict[tuple[int, int], str]
    returned: frozenset[UUID]
    problems: dict[int, str]
    offers: dict[int, dict[Remedy, Offer]]
    elsewhere: dict[int, Elsewhere]

    def codes_of_failed(self, generation: Generation) -> list[str]:
        """Why images of a request were given up, in the order of their index."""
        found = {index: code for (key, index), code in self.failed.items() if key == generation.pk}
        return [found[index] for index in sorted(found)]


def gather(runs: Sequence[Run], viewer: User) -> Gathered:
    """Read all rows for the frames of `runs`, with the remedies that `viewer` may press."""
    previews = _previews(run.pk for run in runs)
    by_key = {run.pk: run for run in runs if not _has_all(run, previews[run.pk])}
    generations: defaultdict[int, list[Generation]] = defaultdict(list)
    if not by_key:
        return Gathered(generations, previews, {}, {}, {}, {}, frozenset(), {}, {}, {})
    asked = Generation.objects.filter(run__in=by_key).select_related("price").only(*COLUMNS)
    found = list(asked.order_by("pk"))
    for generation in found:
        generation.run = by_key[generation.run_id]
        generations[generation.run_id].append(generation)
    fetched, failed = _deliveries(found)
    return Gathered(
        generations=generations,
        previews=previews,
        places=waits.places(found),
        paces=waits.paces(found),
        fetched=fetched,
        failed=failed,
        returned=_returned(found),
        problems=_problems(found),
        offers=submission.offers(_helped_by_a_press(by_key, found, failed), user=viewer),
        elsewhere=submission.offers_elsewhere(by_key, generations, user=viewer),
    )


def _has_all(run: Run, previews: Iterable[Preview]) -> bool:
    """Whether a run has succeeded and has an image, even a hidden one, at each position."""
    places = {preview.position for preview in previews}
    return run.status == RunStatus.SUCCEEDED and places.issuperset(range(run.wanted))


def _previews(runs: Iterable[int]) -> defaultdict[int, list[Preview]]:
    """The images by run; plain values, because a page may show hundreds."""
    previews = defaultdict(list)
    rows = Rendition.objects.filter(recipe=PREVIEW.name, image__run__in=list(runs))
    image = ("run", "position", "uuid", "hidden_at", "erased_at", "source_type")
    columns = [f"image__{name}" for name in image]
    for values in rows.values_list(*columns, "uuid", "format", "width", "height", WORDS):
        preview = Preview(*values)
        previews[preview.run].append(preview)
    return previews


def _deliveries(
    generations: Iterable[Generation],
) -> tuple[dict[int, int], dict[tuple[int, int], str]]:
    """By generation, how many images wait to be labelled, and why others were given up.

    Only of requests that have had an answer: frames show nothing of this before.
    """
    fetched: dict[int, int] = defaultdict(int)
    failed: dict[tuple[int, int], str] = {}
    answered = {Status.STORING, *ENDED}
    short = [row.pk for row in generations if row.status in answered and row.delivered < row.wanted]
    if not short:
        return fetched, failed
    states = (Delivery.Status.FETCHED, Delivery.Status.FAILED)
    rows = Delivery.objects.filter(generation__in=short, status__in=states)
    for key, index, status, code in rows.values_list("generation", "index", "status", "error_code"):
        if status == Delivery.Status.FETCHED:
            fetched[key] += 1
        else:
            failed[key, index] = code
    return fetched, failed


def _problems(generations: Iterable[Generation]) -> dict[int, str]:
    """By run, what is wrong with the reference that the provider or the studio could not use."""
    runs = {row.run_id for row in generations if row.error_code == Code.REFERENCE_REJECTED}
    if not runs:
        return {}
    rows = RunReference.objects.filter(run__in=runs).exclude(reference__problem="")
    return dict(rows.values_list("run", "reference__problem"))


def _helped_by_a_press(
    runs: dict[int, Run], generations: Iterable[Generation], failed: dict[tuple[int, int], str]
) -> list[Run]:
    """The runs with a failure for which the advice names a remedy that takes one press.

    Frames show offers only beside these failures, and offers take four queries.
    """
    codes: defaultdict[int, set[str]] = defaultdict(set)
    for (key, _index), code in failed.items():
        codes[key].add(code)
    helped = {
        row.run_id
        for row in generations
        if row.status in ENDED
        and row.status != Status.CANCELLED
        and any(_takes_a_press(code) for code in {row.error_code, *codes[row.pk]})
    }
    return [runs[key] for key in runs if key in helped]


def _takes_a_press(code: str) -> bool:
    return not set(submission.ONE_PRESS_REMEDIES).isdisjoint(explain(code).remedies)


def _returned(generations: Iterable[Generation]) -> frozenset[UUID]:
    """The generations whose person got credits back."""
    ended = [row.uuid for row in generations if row.ended_at and row.delivered < row.wanted]
    if not ended:
        return frozenset()
    released = Entry.objects.filter(
        generation__in=ended, kind=Entry.Kind.RELEASE, allowance__user__isnull=False
    )
    totals = released.order_by().values("generation").annotate(total=Sum("amount"))
    return frozenset(row["generation"] for row in totals if row["generation"] and row["total"])
