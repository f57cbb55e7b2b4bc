"""Which labels the images of a run get: the choices of its campaign, its team and the studio."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.db.models import Q

from generations.labelling import DEFAULT_PRESET, PRESETS, Badge, Corner, Icon, Mining, Source
from generations.labelling import Preset as BadgePreset
from generations.models import LabelPolicy, Run
from generations.models.image import DIGEST_LENGTH

log = logging.getLogger(__name__)

DEFAULTS = LabelPolicy(
    badge=DEFAULT_PRESET,
    corner=LabelPolicy.Corner.BOTTOM_RIGHT,
    size=LabelPolicy.Size.SMALL,
    safe_area=LabelPolicy.SafeArea.EDGE,
    # GB 45438's alphabet has no space.
    producer_code="Seedream-Studio",
    mining=LabelPolicy.Mining.UNSAID,
)
FIELDS = (
    "badge",
    "corner",
    "size",
    "safe_area",
    "credit",
    "producer_name",
    "producer_code",
    "mining",
)
_CREDITS = {
    Source.GENERATED: "AI-generated with Seedream Studio",
    Source.COMPOSITE: "Modified with AI in Seedream Studio",
    Source.ENHANCED: "Enhanced with AI in Seedream Studio",
}
ICON_FILES = {
    Source.GENERATED: "generated.png",
    Source.COMPOSITE: "modified.png",
}


@dataclass(frozen=True)
class LabelsInForce:
    """The choices for some images, complete; the fields are those of `LabelPolicy`.

    `credit` and `producer_name` may be empty, `size` is a share of the shortest side.
    """

    preset: BadgePreset
    corner: Corner
    size: float
    clear_of_stories: bool
    credit: str
    producer_name: str
    producer_code: str
    mining: Mining

    def badge(self, source: Source) -> Badge:
        """The badge of an image that was made in this way."""
        return self.preset.badge(
            source,
            corner=self.corner,
            size=self.size,
            clear_of_stories=self.clear_of_stories,
            icon_file=icon_file(source) if self.preset.has_icon else b"",
        )

    @property
    def digest(self) -> str:
        """The same for the same choices, another one for others."""
        preset = (self.preset.name, self.preset.version)
        chosen = (*preset, *(getattr(self, field.name) for field in fields(self)[1:]))
        return hashlib.sha256(repr(chosen).encode()).hexdigest()[:DIGEST_LENGTH]

    def credit_of(self, source: Source) -> str:
        """The credit line of an image that was made in this way; never empty."""
        return self.credit or _CREDITS[source]


def of_run(run: Run) -> LabelsInForce:
    """The labels for images of a run.

    A `Run` object keeps what was found first, so that the record of an image tells what was drawn
    even if somebody changes a policy at that moment.
    """
    known = run.__dict__
    if "_labels_in_force" not in known:
        known["_labels_in_force"] = in_force(team_id=run.team_id, campaign_id=run.campaign_id)
    return cast(LabelsInForce, known["_labels_in_force"])


def in_force(*, team_id: int | None, campaign_id: int | None) -> LabelsInForce:
    """The labels for images of a team and a campaign; None where there is none."""
    return merged(policies_of(team_id=team_id, campaign_id=campaign_id))


def policies_of(*, team_id: int | None, campaign_id: int | None) -> list[LabelPolicy]:
    """The policies that hold there, in one query: of the campaign, of the team, of the studio."""
    wanted = Q(team=None, campaign=None)
    if team_id:
        wanted |= Q(team=team_id)
    if campaign_id:
        wanted |= Q(campaign=campaign_id)
    rows = LabelPolicy.objects.filter(wanted)
    return sorted(rows, key=lambda row: (row.campaign_id is None, row.team_id is None))


def merged(policies: Iterable[LabelPolicy]) -> LabelsInForce:
    """One complete choice; of each field the first that is not empty, else the default."""
    rows = [*policies, DEFAULTS]
    chosen: dict[str, Any] = {name: _first(rows, name) for name in FIELDS}
    return LabelsInForce(
        preset=PRESETS[chosen["badge"]],
        corner=cast(Corner, str(chosen["corner"])),
        size=chosen["size"] / 1000,
        clear_of_stories=chosen["safe_area"] == LabelPolicy.SafeArea.STORIES,
        credit=chosen["credit"],
        producer_name=chosen["producer_name"],
        producer_code=chosen["producer_code"],
        mining=cast(
            Mining, "" if chosen["mining"] == LabelPolicy.Mining.UNSAID else str(chosen["mining"])
        ),
    )


def outdated() -> Q:
    """The renditions that were labelled by other choices than those in force now.

    Has a term for each policy, whatever the number of images.
    """
    rows = list(LabelPolicy.objects.select_related("campaign"))
    studio = [row for row in rows if not row.team_id and not row.campaign_id]
    teams = {row.team_id: [row, *studio] for row in rows if row.team_id}
    found = Q(pk__in=[])
    for row in rows:
        if row.campaign:
            wider = teams.get(row.campaign.team_id, studio)
            found |= Q(image__run__campaign=row.campaign) & _not_by([row, *wider])
    others = ~Q(image__run__campaign__in=[row.campaign_id for row in rows if row.campaign_id])
    for team, policies in teams.items():
        found |= others & Q(image__team=team) & _not_by(policies)
    return found | others & ~Q(image__team__in=list(teams)) & _not_by(studio)


def _not_by(policies: list[LabelPolicy]) -> Q:
    return ~Q(policy=merged(policies).digest)


def _first(rows: list[LabelPolicy], name: str) -> Any:
    values = (getattr(row, name) for row in rows)
    return next((value for value in values if value), "")


def icon_file(source: Source) -> bytes:
    """The file of the EU icon for an image that was made in this way; empty if there is none.

    A file that can't be used is left aside: the letters AI are drawn in its place. A system check
    tells of it at every start.
    """
    try:
        return read_icon(source)
    except (OSError, ValueError) as error:
        log.warning("the EU icon is drawn, because its file can't be used: %s", error)
        return b""


def read_icon(source: Source) -> bytes:
    """The same, but raises ValueError or OSError for a file that can't be used."""
    if not settings.EU_ICON_DIR:
        return b""
    name = ICON_FILES.get(source, ICON_FILES[Source.COMPOSITE])
    with (Path(settings.EU_ICON_DIR) / name).open("rb") as file:
        data = file.read(Icon.MAX_BYTES + 1)
    Icon(data)
    return data
