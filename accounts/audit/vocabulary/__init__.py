"""The closed vocabulary of the log: what each event says, in facts and in its payload.

`table` declares every event, with parts of it in modules of their own; `kinds` has the types of
values.
`recording` refuses a record that differs from its declaration. Records outlive the code: a name is
never reused with another meaning, and pages leave out what an old record lacks.
"""

from collections.abc import Mapping
from typing import Any

from accounts.audit.vocabulary.kinds import Declared, Kind, Value
from accounts.audit.vocabulary.table import COUNTS, FROM_SHELL, ORIGIN, TABLE
from accounts.events import Event

__all__ = [
    "COUNTS",
    "FROM_SHELL",
    "ORIGIN",
    "TABLE",
    "Declared",
    "Kind",
    "Value",
    "label_of",
    "refuse_unfit",
    "refuse_unfit_count",
]


def refuse_unfit(event: Event, facts: Mapping[str, Any], personal: Mapping[str, Any]) -> None:
    """Raise ValueError if `facts` or `personal` differ from what `event` declares."""
    declared = TABLE[event]
    _compare(event, "fact", (*FROM_SHELL, *declared.facts), facts)
    _compare(event, "personal value", (*ORIGIN, *declared.personal), personal)


def refuse_unfit_count(event: Event, facts: Mapping[str, Any]) -> None:
    """Raise ValueError unless `facts` are those of a record that adds a count to an earlier one."""
    if not TABLE[event].counted:
        raise ValueError(f"{event} is not counted")
    _compare(event, "fact", COUNTS, facts)


def label_of(event: str, name: str) -> str:
    """The label of a fact or personal value; the name itself if this version does not know it."""
    declared = TABLE.get(event)  # type: ignore[call-overload]
    values = (*declared.facts, *declared.personal, *FROM_SHELL, *ORIGIN) if declared else ()
    return next((str(value.label) for value in values if value.name == name), name)


def _compare(
    event: Event, what: str, declared: tuple[Value, ...], given: Mapping[str, Any]
) -> None:
    known = {value.name: value for value in declared}
    if unknown := sorted(given.keys() - known.keys()):
        raise ValueError(f"{event} declares no {what} {', '.join(unknown)}")
    required = {value.name for value in declared if value.required}
    if missing := sorted(required - given.keys()):
        raise ValueError(f"{event} lacks the {what} {', '.join(missing)}")
    for name, value in given.items():
        if not known[name].accepts(value):
            raise ValueError(f"{event}: the {what} {name} is no {known[name].kind}")
