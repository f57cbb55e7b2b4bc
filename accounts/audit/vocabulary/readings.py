"""The events with which somebody reads what others wrote; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, must
from accounts.events import Event

FILTERS = Value("filters", Kind.TEXT_BY_NAME, _("What was looked for"), since=2)

READINGS: dict[Event, Declared] = {
    Event.GALLERY_SEARCHED: Declared(personal=must(FILTERS), counted=True),
    Event.PROMPTS_SEEN: Declared(
        facts=must(
            Value("where", Kind.TEXT, _("Page"), since=2),
            Value("authors", Kind.IDENTIFIERS, _("Whose prompts"), since=2),
        )
    ),
    Event.RECORD_READ: Declared(),
}
