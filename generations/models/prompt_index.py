"""The index that the search of runs uses: words of the prompt, the person and the campaign."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.search import Index, IndexedRow
from accounts.search.schema import IndexedText

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from generations.models.run import Run

BATCH = 1000
COLUMNS = ("pk", "team_id", "user_id", "campaign_id", "prompt")


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


def index_runs(runs: Iterable["Run"], *, are_new: bool = False) -> None:
    """Add runs to the index, or replace their rows in it. With `are_new`, none of them is there."""
    PROMPTS.put(
        (_entry(run.pk, run.team_id, run.user_id, run.campaign_id, run.prompt) for run in runs),
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
        now = runs.filter(pk__in=wanted).order_by("pk").values_list(*COLUMNS)
        PROMPTS.put(_entry(*row) for row in sorted(set(now).difference(found)))
    return (keys[-1] if keys else 0), len(wanted)


def _entry(run: int, team: int, user: int, campaign: int | None, prompt: str) -> IndexedRow:
    labels = [of_person(user), *([of_campaign(campaign)] if campaign else [])]
    return IndexedRow(row=run, teams=[team], text=prompt, labels=labels)
