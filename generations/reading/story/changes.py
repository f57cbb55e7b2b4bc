"""What was changed outside the studio, in words."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations import tampering
from generations.models import Reference
from generations.states import Status
from generations.tampering import Difference, Kind


@dataclass(frozen=True)
class Change:
    """A value that was changed outside the studio, in words.

    `what` names it, `recorded` is what the record says, `found` what the database says now.
    `number` is the number of the record; None if the row has none.
    """

    what: str
    recorded: str
    found: str
    number: int | None


def changes_of(run: UUID, *, only: Collection[UUID] = ()) -> list[Change]:
    """The changes in a run. With `only`, those in the rows with these identifiers."""
    found = tampering.of_runs([run])
    return [_change(each) for each in found if not only or each.subject in only]


def _change(difference: Difference) -> Change:
    return Change(
        what=_what(difference),
        recorded=_recorded(difference),
        found=_found(difference),
        number=difference.record,
    )


def _what(difference: Difference) -> str:
    kind = str(_KINDS[difference.kind])
    if difference.kind in _SEVERAL:
        kind += f" {str(difference.subject)[:8]}"
    if difference.field == "row":
        return kind
    label = str(_FIELDS.get(difference.field, difference.field))
    if difference.kind == Kind.RUN:
        return label
    return _("%(label)s (%(kind)s)") % {"label": label, "kind": kind}


def _recorded(difference: Difference) -> str:
    if difference.field == "row":
        return _("it was made") if difference.record else _("no record says that it was made")
    return _in_words(difference.field, difference.recorded)


def _found(difference: Difference) -> str:
    if difference.field == "row":
        return _("it is there") if difference.found is not None else _("it is gone")
    return _in_words(difference.field, difference.found)


def _in_words(field: str, value: str | None) -> str:
    words = _VALUES.get(field, {}).get(value or "", value)
    return str(words or _("nothing"))


_KINDS = {
    Kind.RUN: gettext_lazy("the run"),
    Kind.PERSON: gettext_lazy("person"),
    Kind.CAMPAIGN: gettext_lazy("campaign"),
    Kind.GENERATION: gettext_lazy("request to the provider"),
    Kind.IMAGE: gettext_lazy("image"),
    Kind.RENDITION: gettext_lazy("labelled file"),
    Kind.REFERENCE: gettext_lazy("reference"),
}

# A run has several of these, so each is shown with the beginning of its identifier.
_SEVERAL = (Kind.GENERATION, Kind.IMAGE, Kind.REFERENCE)

_VALUES: dict[str, dict[str, Any]] = {
    "erased": {"True": gettext_lazy("yes"), "False": gettext_lazy("no")},
    "rights": dict(Reference.Rights.choices),
    "status": dict(Status.choices),
}

_FIELDS = {
    "attempt": gettext_lazy("Attempt"),
    "body": gettext_lazy("SHA-256 of the body sent"),
    "campaign": gettext_lazy("Campaign"),
    "cancelled": gettext_lazy("Images cancelled"),
    "cost_usd": gettext_lazy("Cost in US dollars"),
    "credits": gettext_lazy("Price of all images, in credits"),
    "delivered": gettext_lazy("Images delivered"),
    "engine": gettext_lazy("Engine"),
    "erased": gettext_lazy("Erased"),
    "error": gettext_lazy("Error"),
    "format": gettext_lazy("Format"),
    "generation": gettext_lazy("Request that it came from"),
    "height": gettext_lazy("Height"),
    "idempotency_key": gettext_lazy("Idempotency key"),
    "image": gettext_lazy("Image of the studio"),
    "images": gettext_lazy("Images wanted"),
    "images asked for": gettext_lazy("Images asked for"),
    "label_version": gettext_lazy("Version of the label"),
    "model": gettext_lazy("Model returned"),
    "name": gettext_lazy("Name"),
    "negative_prompt": gettext_lazy("Avoid"),
    "open": gettext_lazy("Images on their way"),
    "options": gettext_lazy("Options"),
    "original_sha256": gettext_lazy("SHA-256 of the original"),
    "person": gettext_lazy("Identifier of the person"),
    "position": gettext_lazy("Position in the run"),
    "price": gettext_lazy("Price"),
    "prompt": gettext_lazy("Prompt"),
    "provider_request_id": gettext_lazy("Provider's request id"),
    "references": gettext_lazy("References"),
    "renditions": gettext_lazy("SHA-256 of the labelled files"),
    "rights": gettext_lazy("Rights"),
    "seed": gettext_lazy("Seed returned"),
    "sha256": gettext_lazy("SHA-256 of the clean copy"),
    "status": gettext_lazy("Status"),
    "task_id": gettext_lazy("Task at the provider"),
    "team": gettext_lazy("Identifier of the team"),
    "unknown": gettext_lazy("Images whose outcome is unknown"),
    "upload_sha256": gettext_lazy("SHA-256 of the upload"),
    "width": gettext_lazy("Width"),
}
