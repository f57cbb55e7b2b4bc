"""A line of the list: a run with its prompt, images and outcome, or a record of no run."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from accounts import access
from accounts.audit import index, outcomes
from accounts.events import Event
from accounts.models import Record, User
from accounts.phrases import listed, pair
from generations.label_chips import WORDS, chip
from generations.labelling import PREVIEW
from generations.models import Rendition
from generations.paths import rendition_path
from generations.providers.advice import explain
from generations.reading.frames import shortened
from generations.reading.records import (
    look_of,
    name_without_actor,
    names_of,
    previews_of,
    runs_to_read,
    title_of,
)
from generations.reading.sentences import in_words, short_hash
from generations.states import RunStatus

PICTURES = 2  # of a run; the rest is counted
LONGEST_TITLE = 300


@dataclass(frozen=True)
class Outcome:
    """What became of a run, in words. `tone` is ok, warn, bad or empty."""

    words: str
    tone: str


@dataclass(frozen=True)
class Picture:
    """The address of an image's preview, and what repeats its badge."""

    src: str
    chip: str


@dataclass(frozen=True)
class Line:
    """One line of the list; every text is ready to print.

    `title` is the prompt of a run and of a refused request, and otherwise the name of the event.
    `author` is the key of the person whose prompt can be read in it.
    `person_page` is the address of the person in the admin, or empty.
    `story` is the address of the run's story, or empty. There are `more` images than `pictures`.
    """

    number: int
    hash: str
    at: str
    time: str
    person: str
    initials: str
    colour: int
    title: str
    is_prompt: bool
    icon: str
    tone: str
    detail: str
    story: str
    pictures: tuple[Picture, ...] = ()
    more: int = 0
    outcome: Outcome | None = None
    author: int | None = None
    person_page: str = ""


def lines_of(records: Sequence[Record], reader: User) -> list[Line]:
    """Return a line for each record. Each must have its `actor` and `payload` loaded."""
    submitted = [each for each in records if each.story and each.event == Event.RUN_SUBMITTED]
    ended: dict[Any, outcomes.Outcome] = {**outcomes.outcomes_of(submitted, Record.objects.all())}
    heads = {each.pk for each in submitted}
    runs: dict[Any, int] = dict(
        runs_to_read(reader)
        .filter(uuid__in={each.story for each in records if each.story})
        .values_list("uuid", "pk")
    )
    pictures = _pictures([runs[each.story] for each in submitted if each.story in runs])
    about, previews = names_of(records), previews_of(records, reader)
    people = {record.actor_id: record.actor for record in records}
    pages = {key: access.page_of_person(person, reader) for key, person in people.items()}
    return [
        _line(
            record,
            reader,
            person_page=pages[record.actor_id],
            label=title_of(record.event, record.facts),
            about="" if _is_own(record) else about.get(record.subject_id, ""),
            is_open=record.story in runs,
            pictures=(
                pictures.get(runs.get(record.story, 0), [])
                if record.pk in heads
                else [Picture(*shown) for shown in [previews.get(record.subject_id)] if shown]
            ),
            outcome=ended.get(record.story) if record.pk in heads else None,
        )
        for record in records
    ]


def time_of(record: Record, reader: User) -> str:
    """The time of a record in the reader's time zone, with its year."""
    at = record.at.astimezone(reader.tzinfo)
    time = {"day": _day(at.date(), get_language()), "time": f"{at:%H:%M:%S}"}
    return pgettext("a day and a time", "%(day)s, %(time)s") % time


@lru_cache(maxsize=1000)
def _day(day: dt.date, language: str | None) -> str:
    """A day in words, in this language, which is the active one.

    Formatting costs more than all else in a line, and most have the same day.
    """
    return date_format(day, "SHORT_DATE_FORMAT")


# --- Steps ----------------------------------------------------------------------------------------


def _line(
    record: Record,
    reader: User,
    *,
    person_page: str,
    label: str,
    about: str,
    is_open: bool,
    pictures: Sequence[Picture],
    outcome: outcomes.Outcome | None,
) -> Line:
    person = record.actor
    icon, tone = look_of(record.event)
    prompt = _prompt(record)
    detail = in_words(record.event, record.facts)
    return Line(
        number=record.pk,
        hash=short_hash(bytes(record.leaf).hex()[: index.SHORTEST_HASH]),
        at=record.at.isoformat(),
        time=time_of(record, reader),
        person=str(person) if person else name_without_actor(record.event),
        initials=person.initials if person else "",
        colour=person.colour if person else 0,
        title=prompt or label,
        is_prompt=bool(prompt),
        icon=icon,
        tone=tone,
        detail=_detail(about, detail, _written(record)),
        story=reverse("story", args=[record.story]) if is_open else "",
        pictures=tuple(pictures[:PICTURES]),
        more=max(0, len(pictures) - PICTURES),
        outcome=_in_words(outcome) if outcome else _refused(record),
        author=record.actor_id if prompt and index.data_of(record) else None,
        person_page=person_page,
    )


def _detail(*parts: str) -> str:
    """What a record is about, what it says of it, and what somebody wrote; any may be empty."""
    return reduce(pair, filter(None, parts)) if any(parts) else ""


def _is_own(record: Record) -> bool:
    """Whether the record is of a person's act on themselves."""
    return record.actor is not None and record.actor.uuid == record.subject_id


def _prompt(record: Record) -> str:
    """The prompt of a run or of a refused request, or that it has been erased."""
    if record.event not in (Event.RUN_SUBMITTED, Event.RUN_REFUSED) or record.personal is None:
        return ""
    data = index.data_of(record)
    if data is None:
        return _("The prompt has been erased.")
    return shortened(data.get("prompt") or data.get("negative_prompt") or "", LONGEST_TITLE)


def _written(record: Record) -> str:
    """The reason that a person gave, or what somebody searched for."""
    data = index.data_of(record) or {}
    asked = data.get("asked")
    searched = listed(*(f"{name} {text}" for name, text in asked.items())) if asked else ""
    return shortened(str(data.get("reason") or searched), LONGEST_TITLE)


def _refused(record: Record) -> Outcome | None:
    return Outcome(_("Refused"), "warn") if record.event == Event.RUN_REFUSED else None


def _in_words(outcome: outcomes.Outcome) -> Outcome:
    images = ngettext("%(count)d image", "%(count)d images", outcome.delivered)
    some = _("%(count)d of %(wanted)d images")
    error = str(explain(outcome.error).title).rstrip(".") if outcome.error else ""
    words = {
        outcomes.SUCCEEDED: images % {"count": outcome.delivered},
        outcomes.PARTIAL: some % {"count": outcome.delivered, "wanted": outcome.wanted},
        outcomes.FAILED: error,
    }
    known = words.get(outcome.status) or str(RunStatus(outcome.status).label)
    return Outcome(known, _TONES[outcome.status])


_TONES = {
    outcomes.PENDING: "",
    outcomes.UNKNOWN: "warn",
    outcomes.SUCCEEDED: "ok",
    outcomes.PARTIAL: "warn",
    outcomes.CANCELLED: "",
    outcomes.FAILED: "bad",
}


def _pictures(runs: Iterable[int]) -> Mapping[int, list[Picture]]:
    """The previews of each run's images, by the run's key."""
    rows = Rendition.objects.filter(
        image__run__in=list(runs), image__hidden_at__isnull=True, recipe=PREVIEW.name
    ).order_by("image__position", "image_id")
    found: dict[int, list[Picture]] = {}
    for run, uuid, image_format, words in rows.values_list("image__run", "uuid", "format", WORDS):
        picture = Picture(rendition_path(uuid, image_format), chip(words))
        found.setdefault(run, []).append(picture)
    return found
