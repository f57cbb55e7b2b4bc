"""What was sent to providers and what they answered, attempt by attempt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.audit import vocabulary
from accounts.events import Event
from accounts.models import User
from generations.reading.feed import engine_label
from generations.reading.records import title_of
from generations.reading.sentences import in_words
from generations.reading.story.finding import Told
from generations.reading.story.wording import Moment, Text, moment, pairs, readable, text_of
from generations.tampering import MOVES, listed


@dataclass(frozen=True)
class Body:
    """The body of a request or an answer; pictures in it are replaced by their hash and length."""

    text: Text
    sha256: str
    size: str
    cut: bool


@dataclass(frozen=True)
class Answer:
    """What the provider answered, by the record of the move that followed."""

    number: int
    when: Moment
    event: str
    detail: str
    facts: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    body: Body
    message: str


@dataclass
class Exchange:
    """One attempt of a generation: the request as sent, and what came of it."""

    number: int
    generation: UUID
    title: str
    when: Moment
    facts: list[tuple[str, str]]
    references: list[str]
    path: str
    headers: list[tuple[str, str]]
    body: Body
    answers: list[Answer] = field(default_factory=list)


def exchanges(records: Iterable[Told], reader: User) -> list[Exchange]:
    """The requests among `records`, each with the answers until the next one."""
    found: list[Exchange] = []
    newest: dict[UUID, Exchange] = {}
    for told in records:
        subject = told.record.subject_id
        if told.record.event == Event.GENERATION_REQUESTED:
            newest[subject] = _exchange(told, reader)
            found.append(newest[subject])
        elif subject in newest and _is_answer(told):
            newest[subject].answers.append(_answer(told, reader))
    return found


def _is_answer(told: Told) -> bool:
    facts = told.facts
    return told.record.event in MOVES and ("status" in facts or bool(facts.get("answer")))


_SENT = ("endpoint", "provider", "slot", "key", "idempotency_key", "seed", "studio", "token")
_TOLD = (
    "status",
    "complete",
    "task_id",
    "provider_request_id",
    "provider_code",
    "model",
    "seed",
    "cost_usd",
    "polls",
)


def _exchange(told: Told, reader: User) -> Exchange:
    facts = told.facts
    title = _("%(engine)s, attempt %(number)s") % {
        "engine": engine_label(str(facts.get("engine", ""))),
        "number": facts.get("attempt", ""),
    }
    return Exchange(
        number=told.record.pk,
        generation=told.record.subject_id,
        title=title,
        when=moment(told.record.at, reader.tzinfo),
        facts=_facts(told, _SENT),
        references=[str(each) for each in listed(facts, "references")],
        path=text_of(told, "path").text,
        headers=pairs((told.text or {}).get("headers")),
        body=_body(told, "body"),
    )


def _answer(told: Told, reader: User) -> Answer:
    record = told.record
    return Answer(
        number=record.pk,
        when=moment(record.at, reader.tzinfo),
        event=title_of(record.event, told.facts),
        detail=in_words(record.event, told.facts),
        facts=_facts(told, _TOLD),
        headers=pairs(told.facts.get("headers")),
        body=_body(told, "answer_body"),
        message=text_of(told, "message").text,
    )


def _facts(told: Told, names: Sequence[str]) -> list[tuple[str, str]]:
    """Labels and values of those facts that the record has."""
    return [
        (vocabulary.label_of(told.record.event, name), _in_words(told.facts[name]))
        for name in names
        if told.facts.get(name) not in (None, "")
    ]


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _body(told: Told, name: str) -> Body:
    text, values = text_of(told, name), told.text or {}
    size = values.get(f"{name}_bytes")
    return Body(
        text=Text(readable(text.text), text.erased, text.digest) if text.text else text,
        sha256=str(values.get(f"{name}_sha256", "")),
        size=f"{size:,}" if isinstance(size, int) else "",
        cut=bool(values.get(f"{name}_cut")),
    )
