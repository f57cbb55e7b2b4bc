"""The story of a run: what was asked, sent, answered, made, paid and read, record by record."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.events import Event
from accounts.models import User
from generations.models import Run
from generations.reading.story import finding
from generations.reading.story.asked import Asked, asked_of
from generations.reading.story.changes import Change, changes_of
from generations.reading.story.costs import Costs, costs_of
from generations.reading.story.erased import Erased, erased_of
from generations.reading.story.exchanges import Exchange, exchanges
from generations.reading.story.finding import Told
from generations.reading.story.lines import Line, lines
from generations.reading.story.pictures import GivenReference, StoredImage, images, references
from generations.reading.story.seals import Seal, neighbours_of, seal_of


@dataclass(frozen=True)
class RunStory:
    """A run from its first record to its last. `asked` is None if no record tells of it.

    `neighbours` are the numbers of the records beside the first one; `outcome` says how many images
    were made. `more_records` and `more_readings` say that the story has more than are shown.
    """

    uuid: UUID
    erased: list[Erased]
    asked: Asked | None
    neighbours: list[int]
    outcome: str
    references: list[GivenReference]
    images: list[StoredImage]
    exchanges: list[Exchange]
    costs: Costs
    changes: list[Change]
    lines: list[Line]
    more_records: bool
    readings: list[Line]
    more_readings: bool
    seal: Seal


def run_story(uuid: UUID, *, reader: User) -> RunStory | None:
    """The story of a run, after recording that `reader` reads it; None if they may not."""
    found = finding.run_to_read(uuid, reader)
    if found is None:
        return None
    finding.record_reading(found, found.row or finding.gone(uuid, Run, found), reader=reader)
    records, more_records = finding.records_of(found)
    readings, more_readings = finding.readings_of(found)
    return RunStory(
        uuid=uuid,
        erased=erased_of(records, reader),
        asked=asked_of(found, reader),
        neighbours=neighbours_of(found.submitted),
        outcome=_outcome(records),
        references=references(found, reader),
        images=images(records, reader),
        exchanges=exchanges(records, reader),
        costs=costs_of(records),
        changes=changes_of(uuid),
        lines=lines(records, reader),
        more_records=more_records,
        readings=lines(readings, reader),
        more_readings=more_readings,
        seal=seal_of(records, reader),
    )


def _outcome(records: Sequence[Told]) -> str:
    """How many images were stored, of how many that the first press asked for."""
    made = sum(told.record.event == Event.IMAGE_STORED for told in records)
    orders = [told.facts for told in records if told.record.event == Event.RUN_SUBMITTED]
    wanted = orders[0].get("images", made) if orders else made
    return _("%(made)s of %(wanted)s made") % {"made": made, "wanted": wanted}
