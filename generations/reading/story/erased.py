"""That what a story tells of was erased: by whom, when and why, as records say it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.events import Event
from accounts.identifiers import uuid_of
from accounts.models import Record, User
from generations.models import Erasure
from generations.reading.story.finding import Told, told
from generations.reading.story.lines import named
from generations.reading.story.wording import Moment, moment
from generations.tampering import Names


@dataclass(frozen=True)
class Erased:
    """What one order has erased, with the number of its first record.

    `person` is empty if a retention rule erased it, and `reason` if none is on record.
    """

    what: str
    when: Moment
    person: str
    reason: str
    number: int


def erased_of(records: Iterable[Told], reader: User) -> list[Erased]:
    """What was erased, by `records` of a story: once for each order and event, oldest first."""
    found: dict[tuple[str, str], list[Record]] = {}
    for each in records:
        if each.record.event in (Event.RUN_ERASED, Event.IMAGE_ERASED):
            order = str(each.facts.get("erasure", ""))
            found.setdefault((order, each.record.event), []).append(each.record)
    if not found:
        return []
    reasons = _reasons({uuid for order, _event in found if (uuid := uuid_of(order))})
    first = [group[0] for group in found.values()]
    names = Names().now({record.actor.uuid for record in first if record.actor})
    return [
        Erased(
            what=_what(event, len(group)),
            when=moment(group[0].at, reader.tzinfo),
            person=named(group[0].actor, names) if group[0].actor else "",
            reason=reasons.get(order, ""),
            number=group[0].pk,
        )
        for (order, event), group in found.items()
    ]


def _what(event: str, count: int) -> str:
    if event == Event.RUN_ERASED:
        return _("The texts of this run were erased.")
    told = ngettext("%(count)d image was erased.", "%(count)d images were erased.", count)
    return told % {"count": count}


def _reasons(orders: Collection[UUID]) -> dict[str, str]:
    """The recorded reason of each order, by its identifier. Retention rules give none."""
    subjects = Erasure.objects.filter(uuid__in=orders).values_list("subject", flat=True)
    asked = Record.objects.filter(subject_id__in=list(subjects), event=Event.ERASURE_ASKED)
    return {
        str(each.facts.get("erasure", "")): str((each.text or {}).get("reason", ""))
        for each in told(list(asked))
    }
