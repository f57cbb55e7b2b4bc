"""One value of a row that differs from what a record says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from accounts.models import Record


class Kind(StrEnum):
    """What the row is, as records name it in `subject_kind`."""

    RUN = "run"
    PERSON = "user"
    CAMPAIGN = "campaign"
    GENERATION = "generation"
    IMAGE = "image"
    RENDITION = "rendition"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Difference:
    """A value that was changed outside the studio.

    `run` is the run whose story it belongs to, `subject` the identifier of the row, `field` the
    name of the value. `found` is what the row says and `recorded` what the record says, both as
    text; None stands for a row that is gone or that no record knows (then `field` is "row").
    `record` is the key of the record, or None if there is no record of the row. Both values may be
    what people wrote: show them to readers of the log only.
    """

    run: UUID
    kind: Kind
    subject: UUID
    field: str
    found: str | None
    recorded: str | None
    record: int | None

    @property
    def row(self) -> str:
        """The name of a row that no record knows; empty if a record knows it."""
        return f"{self.kind} {self.subject}" if self.record is None else ""

    def __str__(self) -> str:
        """A sentence for operators, without what people wrote."""
        subject = f"{self.kind} {self.subject}"
        if self.record is None:
            return f"The {subject} has no record: its row was written outside the studio."
        if self.found is None:
            return f"The {subject}, named in record #{self.record}, is gone."
        return f"The {self.field} of the {subject} is not what record #{self.record} says."


@dataclass(frozen=True)
class Said:
    """A value as a record says it; `record` is its key."""

    value: Any
    record: int


@dataclass(frozen=True)
class Claims:
    """What records say of one row, by the name of the value. `record` is the main one's key."""

    run: UUID
    kind: Kind
    subject: UUID
    record: int
    values: Mapping[str, Said]

    def differences(self, row: Mapping[str, Any] | None) -> Iterator[Difference]:
        """Compare with the values of a row; None stands for a row that is gone."""
        about = (self.run, self.kind, self.subject)
        if row is None:
            yield Difference(*about, "row", None, "", self.record)
            return
        for name, said in self.values.items():
            found, recorded = as_text(row.get(name)), as_text(said.value)
            if found != recorded:
                yield Difference(*about, name, found, recorded, said.record)


def without_record(run: UUID, kind: Kind, subject: UUID) -> Difference:
    """A row that no record knows."""
    return Difference(run, kind, subject, "row", "", None, None)


def facts_of(record: Record) -> dict[str, Any]:
    """The facts of a record; none if the column holds something else."""
    return record.facts if isinstance(record.facts, dict) else {}


def listed(facts: Mapping[str, Any], name: str) -> list[Any]:
    """A fact that is a list; empty if the record lacks it or holds something else."""
    value = facts.get(name)
    return value if isinstance(value, list) else []


def said(record: Record, *names: str) -> dict[str, Said]:
    """Those of the named facts that `record` has."""
    facts = facts_of(record)
    return {name: Said(facts[name], record.pk) for name in names if name in facts}


def as_text(value: Any) -> str:
    """A value as a text to compare and to show; nothing is an empty text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {as_text(value[name])}" for name in sorted(value))
    if isinstance(value, list | tuple):
        return ", ".join(as_text(each) for each in value)
    return "" if value is None else str(value)
