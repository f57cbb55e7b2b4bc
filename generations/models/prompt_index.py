"""The index that the search of runs uses.

It holds the words of the prompt, the person, the campaign, the engine and the format.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.search import Index, IndexedRow
from accounts.search.schema import IndexedText
from generations.imaging.shapes import shape_of, shape_of_ratio

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from generations.models.run import Run

BATCH = 1000
COLUMNS = ("pk", "team_id", "user_id", "campaign_id", "prompt", "engine", "options")
# The format of a run whose images have that of a reference, until the first one comes.
UNKNOWN_SHAPE = "unknown"


class IndexedPrompt(IndexedText):
    """What a run is found by. A new run adds its own row."""

    class Meta:
        verbose_name = _("indexed prompt")
        verbose_name_plural = _("indexed prompts")

    def __str__(self) -> str:
        return str(self.row)


PROMPTS = Index(IndexedPrompt._meta.db_table)


def of_person(user_id: int) -> str:
    """The index key of the runs that this person made."""
    return f"u{user_id}"


def of_campaign(campaign_id: int) -> str:
    """The index key of the runs of this campaign."""
    return f"c{campaign_id}"


def with_engine(engine: str) -> str:
    """The index key of the runs with this engine."""
    return f"e{hashlib.sha256(engine.encode()).hexdigest()[:16]}"


def with_shape(shape: str) -> str:
    """The index key of the runs whose images have this shape, such as r32."""
    return f"s{shape}"


def note_shape(run: int, width: int, height: int) -> None:
    """Index the shape of a run of which it was unknown, now that an image has come."""
    PROMPTS.relabel(run, of=[with_shape(UNKNOWN_SHAPE)], to=with_shape(shape_of(width, height)))


def index_runs(runs: Iterable["Run"], *, are_new: bool = False) -> None:
    """Add runs to the index, or replace their rows in it. With `are_new`, none of them is there."""
    PROMPTS.put(
        (_entry(*(getattr(run, name) for name in COLUMNS)) for run in runs),
        are_new=are_new,
    )


def index_next(runs: "QuerySet[Any]", *, after: int, again: bool = False) -> tuple[int, int]:
    """Index the next 1,000 of `runs` after the key `after`: those not in the index, or `again` all.

    Returns the last key that was read, 0 at the end, and how many runs were indexed. A prompt that
    is erased meanwhile does not return to the index.
    """
    rows = list(runs.filter(pk__gt=after).order_by("pk").values_list(*COLUMNS)[:BATCH])
    keys = [row[0] for row in rows]
    wanted = set(keys) if again else PROMPTS.lacking(keys)
    found = [row for row in rows if row[0] in wanted]
    with transaction.atomic():
        PROMPTS.put(_entry(*row) for row in found)
        # Prompts that were erased after they had been read. One that is erased only now waits for
        # this transaction, because erasing writes the same rows of the index.
        read = {row[0]: row for row in found}
        now = runs.filter(pk__in=wanted).order_by("pk").values_list(*COLUMNS)
        PROMPTS.put(_entry(*row) for row in now if row != read.get(row[0]))
    return (keys[-1] if keys else 0), len(wanted)


def _entry(
    run: int,
    team: int,
    user: int,
    campaign: int | None,
    prompt: str,
    engine: str,
    options: Mapping[str, Any],
) -> IndexedRow:
    labels = [of_person(user), with_engine(engine), with_shape(_shape_asked(options))]
    labels += [of_campaign(campaign)] if campaign else []
    return IndexedRow(row=run, teams=[team], text=prompt, labels=labels)


def _shape_asked(options: Mapping[str, Any]) -> str:
    width, height = options.get("width"), options.get("height")
    if width and height:
        return shape_of(width, height)
    ratio = options.get("aspect_ratio") or ""
    return shape_of_ratio(ratio) if ":" in ratio else UNKNOWN_SHAPE
