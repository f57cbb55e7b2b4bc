"""Reading and searching the log is itself recorded."""

from collections.abc import Mapping

from django.db import transaction

from accounts import audit
from accounts.events import Event
from accounts.models import User

LONGEST = 2000  # characters of a value in a record


@transaction.atomic
def note_reading(reader: User, *, given: Mapping[str, str], listed: int) -> None:
    """Record that `reader` was shown `listed` lines; `given` are the filters by name.

    What was searched for is text of a person, so it can be erased.
    """
    if not given:
        audit.record(Event.LOG_OPENED, actor=reader, subject=reader, facts={"listed": listed})
        return
    asked = {name: text[:LONGEST] for name, text in given.items()}
    audit.record(
        Event.LOG_SEARCHED,
        actor=reader,
        subject=reader,
        facts={"listed": listed, "filters": sorted(asked)},
        personal={"asked": asked},
    )
