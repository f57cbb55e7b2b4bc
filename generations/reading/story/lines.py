"""Records as lines of a story: what happened, who did it, and by which number it is proven."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit import vocabulary
from accounts.models import User
from accounts.phrases import listed, pair
from generations.reading.records import look_of, name_without_actor, title_of
from generations.reading.sentences import in_words
from generations.reading.story.finding import Told
from generations.reading.story.wording import Moment, moment
from generations.tampering import Names, Said

# Shown in their own places, because they are long.
_BODIES = ("body", "answer_body")
_OF_BODIES = {f"{body}{part}" for body in _BODIES for part in ("", "_sha256", "_bytes", "_cut")}
_ELSEWHERE = {"prompt", "negative_prompt", "path", "headers", *_OF_BODIES}


@dataclass(frozen=True)
class Line:
    """One record. `place` is empty while it waits for its seal; `texts` are labels and values."""

    number: int
    place: str
    leaf: str
    when: Moment
    person: str
    initials: str
    colour: int
    event: str
    icon: str
    tone: str
    detail: str
    texts: list[tuple[str, str]]
    erased: bool
    image: str


def lines(records: Sequence[Told], reader: User) -> list[Line]:
    """Records as lines, in the same order, with the names of people as records say them."""
    actors = {told.record.actor.uuid for told in records if told.record.actor}
    names = Names().now(actors)
    return [_line(told, names, reader) for told in records]


def named(person: User, names: Mapping[UUID, Said]) -> str:
    """The recorded name of a person; that of the row if no record has one."""
    return str(names[person.uuid].value) if person.uuid in names else str(person)


def _line(told: Told, names: Mapping[UUID, Said], reader: User) -> Line:
    record, person = told.record, told.record.actor
    icon, tone = look_of(record.event)
    place = getattr(record, "sealed", None)
    is_image = record.subject_kind == "image"
    return Line(
        number=record.pk,
        place=str(place.place) if place else "",
        leaf=bytes(record.leaf).hex(),
        when=moment(record.at, reader.tzinfo),
        person=named(person, names) if person else name_without_actor(record.event),
        initials=person.initials if person else "",
        colour=person.colour if person else 0,
        event=title_of(record.event, told.facts),
        icon=icon,
        tone=tone,
        detail=in_words(record.event, told.facts),
        texts=_texts(told),
        erased=told.text is None,
        image=reverse("log-image", args=[record.subject_id]) if is_image else "",
    )


def _texts(told: Told) -> list[tuple[str, str]]:
    """What people wrote, but for what the page shows elsewhere."""
    return [
        (vocabulary.label_of(told.record.event, name), _in_words(value))
        for name, value in (told.text or {}).items()
        if name not in _ELSEWHERE and value
    ]


def _in_words(value: object) -> str:
    if value is True:
        return _("yes")
    if isinstance(value, dict):
        return listed(*(pair(name, each) for name, each in value.items()))
    return listed(*value) if isinstance(value, list) else str(value)
