"""The log as reviewers read it: records newest first, and a run's whole story.

Who may see a record is decided when it is written (`accounts.audit.viewers`). Only stories show
prompts, and reading a story is itself recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audit, keyset
from accounts.audit import vocabulary
from accounts.events import Event
from accounts.identifiers import uuid_to_look_up
from accounts.models import Record, Team, User
from generations.labelling import PREVIEW
from generations.models import Image, Rendition, Run
from generations.paths import rendition_path
from generations.reading.gallery import GalleryPage, cards
from generations.reading.sentences import in_words, short_hash
from generations.states import RunStatus

PAGE_SIZE = 50


@dataclass(frozen=True)
class Row:
    """One record as a page shows it; every text is ready to print.

    `tone` is ok, warn, bad or empty. `story` is the address of the run's story, or empty.
    `personal` is what people wrote, as pairs of label and text; it is empty outside a story.
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
    """Records, newest first. `next_cursor` leads to older ones; it is empty if there are none."""

    rows: list[Row]
    next_cursor: str


@dataclass(frozen=True)
class Story:
    """A run from its first record to its last, with its images."""

    run: Run
    status: str
    images: GalleryPage
    rows: list[Row]


def page(reader: User, *, cursor: str = "", person: str = "", event: str = "") -> LogPage:
    """The newest records that `reader` may see, if given only those of one person and one event."""
    actor = _key_of(person) if person else None
    if person and actor is None:
        return LogPage([], "")
    place = keyset.place_of(audit.visible_to(reader), cursor, time="at")
    records, more = audit.newest_visible_to(
        reader,
        place,
        size=PAGE_SIZE,
        event=event if event in Event.values else "",
        actor=actor,
    )
    return LogPage(_rows(records, reader), str(records[-1].uuid) if more else "")


def runs_to_read(reader: User) -> QuerySet[Run]:
    """The runs whose stories `reader` may open."""
    return Run.objects.all() if audit.reads_whole_log(reader) else Run.objects.visible_to(reader)


@transaction.atomic
def read_story(run: Run, *, reader: User) -> Story:
    """Return a run's whole story, and record that `reader` has read it."""
    audit.record(Event.RECORD_READ, actor=reader, subject=run, story=run.uuid)
    records = Record.objects.filter(story=run.uuid).select_related("actor", "payload")
    ordered = list(records.order_by("at", "pk"))
    images = run.images.filter(hidden_at__isnull=True).select_related("run")
    return Story(
        run=run,
        status=str(RunStatus(run.status).label),
        images=GalleryPage(cards(list(images), viewer=reader), next_cursor=""),
        rows=_rows(ordered, reader, personal=True),
    )


# --- Steps -------------------------------------------------------------------------------------


def _key_of(person: str) -> int | None:
    # Looked up first, because with a join no planner sees that one index gives the order.
    people = User.objects.filter(uuid=uuid_to_look_up(person))
    return people.values_list("pk", flat=True).first()


def _rows(records: Sequence[Record], reader: User, *, personal: bool = False) -> list[Row]:
    previews = _previews(records, reader)
    stories = _stories(records, reader)
    subjects = _names(records)
    # Once for all rows, because `get_event_display` builds the whole list of choices each time.
    labels = {event.value: str(event.label) for event in Event}
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
                person=str(person) if person else _name_without_actor(record.event),
                initials=person.initials if person else "",
                colour=person.colour if person else 0,
                event=labels.get(record.event, record.event),
                icon=icon,
                tone=tone,
                detail=": ".join(filter(None, [subject, detail])),
                src=previews.get(record.subject_id, ""),
                story=reverse("story", args=[record.story]) if record.story in stories else "",
                personal=_personal(record) if personal else [],
            )
        )
    return rows


def _name_without_actor(event: str) -> str:
    """The name that the log shows for an act without an actor."""
    return _("Someone outside the studio") if event in _BY_STRANGERS else _("System")


def _stories(records: Sequence[Record], reader: User) -> set[UUID | None]:
    """The stories that `reader` may open. A team-mate's act may be in another team's story."""
    stories = {record.story for record in records if record.story}
    runs = runs_to_read(reader).filter(uuid__in=stories)
    return set(runs.values_list("uuid", flat=True))


def _previews(records: Sequence[Record], reader: User) -> dict[UUID, str]:
    """The addresses of the images that records are about, by the image's identifier."""
    subjects = [record.subject_id for record in records if record.subject_kind == "image"]
    images = Image.objects.visible_to(reader).filter(uuid__in=subjects)
    previews = Rendition.objects.filter(image__in=images, recipe=PREVIEW.name)
    found = previews.values_list("image__uuid", "uuid", "format")
    return {image: rendition_path(uuid, image_format) for image, uuid, image_format in found}


def _names(records: Sequence[Record]) -> dict[UUID, str]:
    """The names of the people and teams that records are about, except for people's own acts."""
    about = {
        record.subject_id
        for record in records
        if record.subject_kind in ("user", "team")
        and (record.actor is None or record.actor.uuid != record.subject_id)
    }
    people = {user.uuid: str(user) for user in User.objects.filter(uuid__in=about)}
    return people | {team.uuid: team.name for team in Team.objects.filter(uuid__in=about)}


def _personal(record: Record) -> list[tuple[str, str]]:
    """What people wrote, unless it is erased; not the prompt, which the page shows above."""
    payload = getattr(record, "payload", None)
    if payload is None:
        return []
    if payload.data is None:
        return [(_("Personal text"), _("erased"))]
    shown = [name for name in _SHOWN if payload.data.get(name)]
    return [(vocabulary.label_of(record.event, name), payload.data[name]) for name in shown]


# The personal values that a story shows, in this order.
_SHOWN = ("negative_prompt", "reason", "ip", "user_agent")
_BY_STRANGERS = (
    Event.REFERENCE_FETCHED,
    Event.USER_RESET_ASKED,
    Event.USER_SIGN_IN_FAILED,
    Event.WEBHOOK_FORGED,
)

_LOOKS: dict[str, tuple[str, str]] = {
    Event.RUN_SUBMITTED: ("send", ""),
    Event.RUN_REFUSED: ("ban", "warn"),
    Event.CAMPAIGN_MADE: ("image", ""),
    Event.RUN_RETRIED: ("refresh-cw", ""),
    Event.PROVIDER_ALERTED: ("bell", "warn"),
    Event.GENERATION_QUEUED: ("clock", ""),
    Event.GENERATION_SUBMITTING: ("arrow-up", ""),
    Event.GENERATION_REQUESTED: ("arrow-up", ""),
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
    Event.REFERENCE_CLEANED: ("image", ""),
    Event.REFERENCE_REFUSED: ("triangle-alert", "bad"),
    Event.REFERENCE_FETCHED: ("link-2", ""),
    Event.ALLOWANCE_OPENED: ("coins", ""),
    Event.ALLOWANCE_LIMIT_SET: ("coins", ""),
    Event.ALLOWANCE_TOPPED_UP: ("coins", ""),
    Event.ALLOWANCE_WRITTEN_OFF: ("coins", ""),
    Event.LEDGER_DRIFTED: ("shield-alert", "bad"),
    Event.USER_INVITED: ("mail", ""),
    Event.USER_CHANGED: ("user", ""),
    Event.USER_DEACTIVATED: ("user", "warn"),
    Event.USER_SIGNED_IN: ("log-in", ""),
    Event.USER_SIGNED_OUT: ("log-in", ""),
    Event.USER_SESSIONS_ENDED: ("log-in", ""),
    Event.USER_RESET_ASKED: ("mail", ""),
    Event.PERSONAL_ERASED: ("trash-2", "warn"),
    Event.ERASURE_ASKED: ("trash-2", ""),
    Event.ERASURE_STOPPED: ("triangle-alert", "warn"),
    Event.ERASURE_FINISHED: ("circle-check", ""),
    Event.RUN_ERASED: ("trash-2", "warn"),
    Event.IMAGE_ERASED: ("trash-2", "warn"),
    Event.REFERENCE_ERASED: ("trash-2", "warn"),
    Event.HOLD_PLACED: ("lock", ""),
    Event.HOLD_LIFTED: ("lock", "warn"),
    Event.SHELL_USED: ("settings", "warn"),
    Event.USER_SIGN_IN_FAILED: ("log-in", "warn"),
    Event.WEBHOOK_FORGED: ("shield-alert", "warn"),
    Event.RECORD_READ: ("eye", ""),
    Event.ADMIN_ADDED: ("settings", ""),
    Event.ADMIN_CHANGED: ("settings", ""),
    Event.ADMIN_DELETED: ("trash-2", ""),
}
