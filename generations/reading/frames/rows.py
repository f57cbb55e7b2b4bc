"""The rows that frames are made of, in a number of queries that no number of runs changes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from accounts.models import Entry, User
from generations import submission
from generations.labelling import PREVIEW
from generations.models import Delivery, Generation, Rendition, Run
from generations.providers.advice import Remedy
from generations.reading import waits
from generations.submission import Offer


@dataclass(frozen=True)
class Gathered:
    """The rows that frames are made of, each asked for once for all runs."""

    generations: dict[int, list[Generation]]
    previews: dict[int, list[Rendition]]
    places: dict[int, int]
    fetched: dict[int, int]
    failed: dict[tuple[int, int], str]
    returned: frozenset[UUID]
    offers: dict[int, dict[Remedy, Offer]]

    def codes_of_failed(self, generation: Generation) -> list[str]:
        """Why pictures of a request were given up, in their order."""
        found = {index: code for (key, index), code in self.failed.items() if key == generation.pk}
        return [found[index] for index in sorted(found)]


def gather(runs: Sequence[Run], viewer: User) -> Gathered:
    """All rows about `runs`, with what `viewer` may press."""
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
        offers=submission.offers(runs, user=viewer),
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
