"""The log as reviewers read it: records newest first, and a run's whole story.

The records of a story belong to the team of its run, whoever acted; all others belong to the team
of the person who acted. Prompts stand in stories alone: reading one is itself recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.models import Record, Team, User
from generations.identifiers import uuid_to_look_up
from generations.labelling import PREVIEW
from generations.models import Rendition, Run
from generations.paths import rendition_path
from generations.reading import keyset
from generations.reading.gallery import GalleryPage, cards
from generations.reading.sentences import in_words, short_hash
from generations.states import RunStatus

PAGE_SIZE = 50
READ = "accounts.view_record"


@dataclass(frozen=True)
class Row:
    """One record as a page shows it; every text is finished.

    `tone` is ok, warn, bad or nothing; `story` the address of the run's story; `personal` what
    was written by people, label and text, which only a story shows.
    """

    number: str
    hash: str
    at: str
    time: str
    person: str
    initials: str
    colour: int
    event: str
    icon: str
    tone: str
    detail: str
    src: str
    story: str
    personal: list[tuple[str, str]]


@dataclass(frozen=True)
class LogPage:
    """Records, newest first; `next_cursor` leads to older ones and is empty where none are."""

    rows: list[Row]
    next_cursor: str


@dataclass(frozen=True)
class Story:
    """A run from its first record to its last, with its pictures."""

    run: Run
    status: str
    pictures: GalleryPage
    rows: list[Row]


def page(reader: User, *, cursor: str = "", person: str = "", event: str = "") -> LogPage:
    """The newest records that `reader` may see, of one person and one event where given."""
    visible = visible_to(reader)
    chosen = visible.select_related("actor")
    if person:
        chosen = chosen.filter(actor__uuid=uuid_to_look_up(person))
    if event in Event.values:
        chosen = chosen.filter(event=event)
    found = keyset.page(chosen, cursor=cursor, anchors=visible, size=PAGE_SIZE, time="at")
    return LogPage(_rows(found.rows, reader), found.next_cursor)


def visible_to(reader: User) -> QuerySet[Record]:
    """The records of the reader's team."""
    runs = Run.objects.filter(uuid=OuterRef("story"), team_id=reader.team_id)
    own = Q(story__isnull=True) & (Q(actor__team_id=reader.team_id) | Q(actor__isnull=True))
    return Record.objects.filter(own | Exists(runs))


@transaction.atomic
def read_story(run: Run, *, reader: User) -> Story:
    """A run's whole story. That `reader` has read it is part of it from now on."""
    audit.record(Event.RECORD_READ, actor=reader, subject=run, story=run.uuid)
    records = Record.objects.filter(story=run.uuid).select_related("actor", "payload")
    ordered = list(records.order_by("at", "pk"))
    images = run.images.filter(hidden_at__isnull=True).select_related("run")
    return Story(
        run=run,
        status=str(RunStatus(run.status).label),
        pictures=GalleryPage(cards(list(images)), next_cursor=""),
        rows=_rows(ordered, reader, personal=True),
    )


# --- Steps -------------------------------------------------------------------------------------


def _rows(records: Sequence[Record], reader: User, *, personal: bool = False) -> list[Row]:
    previews = _previews(records)
    subjects = _names(records)
    zone = reader.team.tzinfo
    rows = []
    for record in records:
        icon, tone = _LOOKS.get(record.event, ("circle-dashed", ""))
        detail = in_words(record.event, record.facts)
        subject = subjects.get(record.subject_id, "")
        person = record.actor
        rows.append(
            Row(
                number=f"{record.pk:,}",
                hash=short_hash(bytes(record.leaf).hex()[:8]),
                at=record.at.isoformat(),
                time=date_format(record.at.astimezone(zone), "j M, H:i:s"),
                person=str(person) if person else _("System"),
                initials=person.initials if person else "",
                colour=person.colour if person else 0,
                event=record.get_event_display(),
                icon=icon,
                tone=tone,
                detail=": ".join(filter(None, [subject, detail])),
                src=previews.get(record.subject_id, ""),
                story=reverse("story", args=[record.story]) if record.story else "",
                personal=_personal(record) if personal else [],
            )
        )
    return rows


def _previews(records: Sequence[Record]) -> dict[UUID, str]:
    """The addresses of the pictures that records are about, by the image's identifier."""
    images = [record.subject_id for record in records if record.subject_kind == "image"]
    previews = Rendition.objects.filter(
        image__uuid__in=images, image__hidden_at__isnull=True, recipe=PREVIEW.name
    )
    found = previews.values_list("image__uuid", "uuid", "format")
    return {image: rendition_path(uuid, image_format) for image, uuid, image_format in found}


def _names(records: Sequence[Record]) -> dict[UUID, str]:
    """The names of the people and teams that records are about, but for their own acts."""
    about = {
        record.subject_id
        for record in records
        if record.subject_kind in ("user", "team")
        and (record.actor is None or record.actor.uuid != record.subject_id)
    }
    people = {user.uuid: str(user) for user in User.objects.filter(uuid__in=about)}
    return people | {team.uuid: team.name for team in Team.objects.filter(uuid__in=about)}


def _personal(record: Record) -> list[tuple[str, str]]:
    """What people wrote, as far as it has not been erased; the prompt stands above the story."""
    payload = getattr(record, "payload", None)
    if payload is None:
        return []
    if payload.data is None:
        return [(_("Personal text"), _("erased"))]
    labels = {"negative_prompt": _("Avoid"), "reason": _("Reason")}
    return [(label, payload.data[name]) for name, label in labels.items() if payload.data.get(name)]


_LOOKS: dict[str, tuple[str, str]] = {
    Event.RUN_SUBMITTED: ("send", ""),
    Event.RUN_RETRIED: ("refresh-cw", ""),
    Event.PROVIDER_ALERTED: ("bell", "warn"),
    Event.GENERATION_QUEUED: ("clock", ""),
    Event.GENERATION_SUBMITTING: ("arrow-up", ""),
    Event.GENERATION_RUNNING: ("sparkles", ""),
    Event.GENERATION_STORING: ("download", ""),
    Event.GENERATION_SUCCEEDED: ("circle-check", "ok"),
    Event.GENERATION_FAILED: ("triangle-alert", "bad"),
    Event.GENERATION_CANCELLED: ("ban", ""),
    Event.GENERATION_UNKNOWN: ("circle-question-mark", "warn"),
    Event.GENERATION_CANCEL_ASKED: ("ban", ""),
    Event.GENERATION_DECIDED: ("clipboard-check", ""),
    Event.IMAGE_STORED: ("image", ""),
    Event.IMAGE_FETCH_ASKED: ("refresh-cw", ""),
    Event.IMAGE_MISSED: ("triangle-alert", "bad"),
    Event.IMAGE_DOWNLOADED: ("download", ""),
    Event.ORIGINAL_DOWNLOADED: ("download", "warn"),
    Event.REFERENCE_UPLOADED: ("upload", ""),
    Event.REFERENCE_FETCHED: ("link-2", ""),
    Event.ALLOWANCE_LIMIT_SET: ("coins", ""),
    Event.ALLOWANCE_TOPPED_UP: ("coins", ""),
    Event.ALLOWANCE_WRITTEN_OFF: ("coins", ""),
    Event.LEDGER_DRIFTED: ("shield-alert", "bad"),
    Event.USER_INVITED: ("mail", ""),
    Event.USER_CHANGED: ("user", ""),
    Event.USER_DEACTIVATED: ("user", "warn"),
    Event.USER_SIGNED_IN: ("log-in", ""),
    Event.RECORD_READ: ("eye", ""),
    Event.ADMIN_ADDED: ("settings", ""),
    Event.ADMIN_CHANGED: ("settings", ""),
    Event.ADMIN_DELETED: ("trash-2", ""),
}
