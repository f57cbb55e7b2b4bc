"""The events with which somebody reads what others wrote; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, Values, must
from accounts.events import Event

FILTERS = Value("filters", Kind.TEXT_BY_NAME, _("What was looked for"), since=2)

LISTED = Value("listed", Kind.NUMBER, _("Lines shown"), since=2)
SAVED_SEARCH: Values = (
    Value("title", Kind.TEXT, _("Name of the search"), since=2),
    Value("asked", Kind.TEXT_BY_NAME, _("What it searches for"), since=2),
)

READINGS: dict[Event, Declared] = {
    Event.LOG_OPENED: Declared(facts=must(LISTED)),
    Event.LOG_SEARCHED: Declared(
        facts=must(LISTED, Value("filters", Kind.TEXTS, _("Filters"), since=2)),
        personal=must(Value("asked", Kind.TEXT_BY_NAME, _("What was searched for"), since=2)),
    ),
    Event.LOG_SEARCH_SAVED: Declared(personal=must(*SAVED_SEARCH)),
    Event.LOG_SEARCH_DELETED: Declared(personal=must(*SAVED_SEARCH)),
    Event.GALLERY_VIEW_SAVED: Declared(personal=must(*SAVED_SEARCH)),
    Event.GALLERY_VIEW_DELETED: Declared(personal=must(*SAVED_SEARCH)),
    Event.GALLERY_SEARCHED: Declared(personal=must(FILTERS), counted=True),
    Event.PROMPTS_SEEN: Declared(
        facts=must(
            Value("where", Kind.TEXT, _("Page"), since=2),
            Value("authors", Kind.IDENTIFIERS, _("Whose prompts"), since=2),
        )
    ),
    Event.RECORD_READ: Declared(),
}
