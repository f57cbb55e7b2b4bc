"""What records say of each row, as values to compare with its columns.

A value is left out if records of that version lack it, if its text was erased, or if the studio
changes it without a record.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from accounts.events import Event
from accounts.models import Record
from generations.models import ERASED, Generation
from generations.states import ENDED, OPEN, Status
from generations.tampering.difference import Claims, Kind, Said, facts_of, listed, said
from generations.tampering.stories import Told

WITH_ANSWERS = 2  # the first version whose records hold all that the row keeps of an answer
_MODEL_LENGTH = 200  # characters that the column holds
_CENT_OF_A_CENT = Decimal("0.0001")


# --- Runs ----------------------------------------------------------------------------------------


def of_run(
    record: Record, told: Told, text: Mapping[str, Any] | None, asked: Mapping[UUID, int]
) -> Claims:
    """What records say of a run that `record` says was submitted.

    `text` is the payload of `record`, None if it was erased. `asked` is how many images each of the
    run's generations asks for.
    """
    facts, key = facts_of(record), record.pk
    values = said(record, "engine", "campaign", "credits")
    if record.actor:
        values["person"] = Said(record.actor.uuid, key)
    if record.subject_team:
        values["team"] = Said(record.subject_team, key)
    if isinstance(facts.get("options"), dict):
        values["options"] = Said(facts["options"], key)
    if not is_set(facts):
        values |= said(record, "images")
    if isinstance(facts.get("references"), list):
        values["references"] = Said([each.get("reference") for each in told.references], key)
    erased = told.erased.get(record.subject_id)
    values |= _erased(record, erased)
    if erased:
        values |= {"prompt": Said(ERASED, erased.pk), "negative_prompt": Said(None, erased.pk)}
    elif text is not None:
        values |= {name: Said(text.get(name), key) for name in ("prompt", "negative_prompt")}
    values |= _counters(record, told, asked)
    return Claims(record.story or record.subject_id, Kind.RUN, record.subject_id, key, values)


def _erased(record: Record, erased: Record | None) -> dict[str, Said]:
    """Whether a row is erased; `erased` is the record that says so, `record` the row's main one."""
    return {"erased": Said(erased is not None, erased.pk if erased else record.pk)}


def is_set(facts: Mapping[str, Any]) -> bool:
    """Whether a run asked for a set, which may bring fewer images and then wants fewer."""
    options = facts.get("options")
    return isinstance(options, dict) and options.get("sequential") == str(True)


def _counters(record: Record, told: Told, asked: Mapping[UUID, int]) -> dict[str, Said]:
    """The counters of a run, which follow from the last status of each of its generations."""
    newest = _newest([record, *(moves[-1] for moves in told.moves.values() if moves)])
    counted = {"open": OPEN, "unknown": {Status.UNKNOWN}, "cancelled": {Status.CANCELLED}}
    counters = {
        name: sum(count for key, count in asked.items() if status_after(told.moves[key]) in among)
        for name, among in counted.items()
    }
    orders = [record, *told.retried]
    ordered = sum(
        images for each in orders if isinstance(images := facts_of(each).get("images"), int)
    )
    return {
        **{name: Said(count, newest) for name, count in counters.items()},
        "delivered": Said(len(told.stored), _newest([record, *told.stored.values()])),
        "images asked for": Said(ordered, _newest(orders)),
    }


def _newest(records: Iterable[Record]) -> int:
    return max(record.pk for record in records)


# --- Generations ---------------------------------------------------------------------------------


def status_after(moves: Sequence[Record]) -> str:
    """The status of a generation after its recorded moves."""
    return moves[-1].event.removeprefix("generation:") if moves else str(Status.QUEUED)


def of_generation(row: Generation, record: Record, told: Told, bodies: Mapping[int, Any]) -> Claims:
    """What records say of a generation of the run that `record` says was submitted.

    `bodies` are the hashes of the bodies sent, by the key of their record.
    """
    moves, requests = told.moves[row.uuid], told.requests[row.uuid]
    newest = moves[-1] if moves else record
    mine = [each for each in told.stored.values() if _names(each, row)]
    values = {
        "status": Said(status_after(moves), newest.pk),
        "attempt": Said(facts_of(newest).get("attempt", 0), newest.pk),
        "delivered": Said(len(mine), _newest([record, *mine])),
        **_provider(record),
        **_price(row, record),
        **_last(moves, "task_id"),
        **_error(moves),
        **_answer(row, [move for move in moves if move.version >= WITH_ANSWERS]),
    }
    if requests and row.status in (*ENDED, Status.STORING, Status.RUNNING):
        values |= said(requests[-1], "idempotency_key")
    if requests and (body := bodies.get(requests[-1].pk)):
        values["body"] = Said(body, requests[-1].pk)
    run = record.story or record.subject_id
    return Claims(run, Kind.GENERATION, row.uuid, newest.pk, values)


def _names(stored: Record, row: Generation) -> bool:
    return bool(facts_of(stored).get("generation") == str(row.uuid))


def _provider(record: Record) -> dict[str, Said]:
    """The provider, which is the first part of the engine's name."""
    engine = said(record, "engine").get("engine")
    if engine is None:
        return {}
    return {"provider": Said(str(engine.value).partition("/")[0], engine.record)}


def _price(row: Generation, record: Record) -> dict[str, Said]:
    """The price, if the generation is of the first press; a later one may have another price."""
    facts = facts_of(record)
    return said(record, "price") if str(row.uuid) in listed(facts, "generations") else {}


def _last(moves: Sequence[Record], *names: str) -> dict[str, Said]:
    """The last value that moves give for each name."""
    values: dict[str, Said] = {}
    for move in moves:
        values |= said(move, *names)
    return values


def _error(moves: Sequence[Record]) -> dict[str, Said]:
    ended = moves and status_after(moves) in (*ENDED, Status.UNKNOWN)
    return said(moves[-1], "error") if ended else {}


def _answer(row: Generation, moves: Sequence[Record]) -> dict[str, Said]:
    """What the provider told, as the last answer with images, or the last acceptance, says it."""
    values = _last([move for move in moves if move.event == Event.GENERATION_STORING], *_TOLD)
    if model := values.get("model"):
        values["model"] = Said(str(model.value)[:_MODEL_LENGTH], model.record)
    if cost := values.get("cost_usd"):
        values["cost_usd"] = Said(_as_kept(row.cost_usd, str(cost.value)), cost.record)
    # The only moves that always set the column.
    sure = (Event.GENERATION_RUNNING, Event.GENERATION_STORING)
    answers = [move for move in moves if "provider_request_id" in facts_of(move)]
    if answers and answers[-1].event in sure:
        values |= said(answers[-1], "provider_request_id")
    return values


_TOLD = ("model", "seed", "cost_usd")


def _as_kept(kept: Decimal | None, told: str) -> Decimal | str | None:
    """`kept` if it is `told`, rounded as the database rounds; else `told`."""
    try:
        same = kept is not None and abs(kept - Decimal(told)) < _CENT_OF_A_CENT
    except InvalidOperation:
        same = False
    return kept if same else told


# --- Images and references -----------------------------------------------------------------------

_OF_IMAGE = ("generation", "position", "width", "height", "format", "original_sha256")


def of_image(record: Record, told: Told) -> Claims:
    """What the record of its storing says of an image.

    Of its labelled files, the newest record counts: that of its last labels.
    """
    newest = told.relabelled.get(record.subject_id, record)
    seen = told.seen.get(record.subject_id, record)
    values = said(record, *_OF_IMAGE) | said(seen, "arrived_with")
    values |= said(newest, "renditions", "label_version")
    values |= _erased(record, told.erased.get(record.subject_id))
    run = record.story or record.subject_id
    return Claims(run, Kind.IMAGE, record.subject_id, record.pk, values)


_OF_FILES = ("upload_sha256", "sha256")


def of_reference(
    run: UUID,
    subject: UUID,
    given: Mapping[str, Any],
    record: Record,
    own: Sequence[Record],
) -> Claims:
    """What records say of the reference `subject` of a run.

    `given` is what `record`, that of the run's submission, says; `own` are the reference's records.
    """
    values = {name: Said(given[name], record.pk) for name in ("rights", "image") if name in given}
    if "sha256" in given:
        name = "sha256" if given.get("image") else "upload_sha256"
        values[name] = Said(given["sha256"], record.pk)
    erased = next((each for each in own if each.event == Event.REFERENCE_ERASED), None)
    values |= _erased(record, erased)
    for each in own:
        if each.event == Event.REFERENCE_CLEANED:
            values |= said(each, "upload_sha256", "sha256", "format", "width", "height")
        elif clean := facts_of(each).get("clean_sha256"):
            values["sha256"] = Said(clean, each.pk)
    if erased:  # the hashes of its files go with the files, a moment later
        values = {name: each for name, each in values.items() if name not in _OF_FILES}
    return Claims(run, Kind.REFERENCE, subject, record.pk, values)
