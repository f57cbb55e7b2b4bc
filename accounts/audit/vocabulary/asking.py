"""The events of requests for credits; part of `table`. Each is about the person who asks."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, Values, must
from accounts.events import Event

REQUEST = Value("request", Kind.IDENTIFIER, _("Request for credits"), since=2)
CREDITS = Value("credits", Kind.NUMBER, _("Credits"), since=2)
NOTE: Values = (Value("note", Kind.TEXT, _("Note"), since=2),)
WORD: Values = (Value("word", Kind.TEXT, _("Word to the person"), since=2),)

ASKING: dict[Event, Declared] = {
    Event.CREDITS_ASKED: Declared(
        facts=(
            *must(
                REQUEST,
                CREDITS,
                Value("missing", Kind.NUMBER, _("Missing credits"), since=2),
                Value("price", Kind.NUMBER, _("Price in credits"), since=2),
                Value("short", Kind.TEXT, _("Whose credits do not suffice"), since=2),
                Value("engine", Kind.TEXT, _("Engine"), since=2),
            ),
            Value("before", Kind.NUMBER, _("Credits before"), since=2),
        ),
        personal=NOTE,
    ),
    Event.CREDITS_GRANTED: Declared(facts=must(REQUEST, CREDITS), personal=WORD),
    Event.CREDITS_DECLINED: Declared(facts=must(REQUEST, CREDITS), personal=WORD),
    Event.CREDITS_WITHDRAWN: Declared(facts=must(REQUEST, CREDITS)),
    Event.CREDITS_LAPSED: Declared(facts=must(REQUEST, CREDITS)),
    Event.CREDITS_LET_GO: Declared(facts=must(REQUEST)),
    Event.CREDITS_EXPORTED: Declared(
        facts=must(
            Value("from", Kind.TEXT, _("First day"), since=2),
            Value("to", Kind.TEXT, _("Last day"), since=2),
        )
    ),
}
