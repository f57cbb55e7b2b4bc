"""The events of the proof of credits, and of corrections; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, must
from accounts.events import Event

_GENERATION = Value("generation", Kind.IDENTIFIER, _("Generation"))
_MONTH = Value("month", Kind.TEXT, _("Month"))

CREDITS_PROVED = {
    Event.LEDGER_DRIFTED: Declared(
        facts=must(
            _MONTH,
            Value("columns", Kind.VALUES_BY_NAME, _("Sums kept")),
            Value("entries", Kind.VALUES_BY_NAME, _("Sums of the entries")),
        )
    ),
    Event.LEDGER_UNPROVED: Declared(
        facts=(
            *must(Value("what", Kind.TEXT, _("What was found"))),
            _GENERATION,
            Value("credits", Kind.VALUES_BY_NAME, _("Credits")),
        )
    ),
    Event.LEDGER_CORRECTED: Declared(
        facts=(
            *must(
                Value("credits", Kind.NUMBER, _("Credits")),
                _MONTH,
                Value("entries", Kind.HASHES, _("SHA-256 of the entries of credits"), since=2),
            ),
            _GENERATION,
        ),
        personal=(Value("reason", Kind.TEXT, _("Reason")),),
    ),
}
