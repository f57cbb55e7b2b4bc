"""The events of quotas and top-ups; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, must
from accounts.events import Event

CREDITS = Value("credits", Kind.NUMBER, _("Credits"))
MONTH = Value("month", Kind.TEXT, _("Month"))
ENTRIES = Value("entries", Kind.HASHES, _("SHA-256 of the entries of credits"), since=2)
ENDS_ON = Value("ends_on", Kind.TEXT, _("Last day"), since=2)
REASON = Value("reason", Kind.TEXT, _("Reason"))
PEOPLE = Value("people", Kind.NUMBER, _("People"), since=2)

QUOTAS: dict[Event, Declared] = {
    Event.ALLOWANCE_OPENED: Declared(
        facts=must(
            CREDITS,
            MONTH,
            Value("origin", Kind.TEXT, _("Where the limit comes from"), since=2),
            ENTRIES,
        )
    ),
    Event.ALLOWANCE_LIMIT_SET: Declared(
        facts=must(
            Value("before", Kind.NUMBER, _("Credits before")),
            Value("after", Kind.NUMBER, _("Credits after")),
            MONTH,
            ENTRIES,
        ),
        personal=(REASON,),
    ),
    Event.ALLOWANCE_TOPPED_UP: Declared(
        facts=(*must(CREDITS, MONTH, ENTRIES), ENDS_ON), personal=(REASON,)
    ),
    Event.ALLOWANCE_TOP_UP_ENDED: Declared(
        facts=must(
            Value("credits", Kind.NUMBER, _("Credits taken back"), since=2),
            Value("given", Kind.NUMBER, _("Credits given"), since=2),
            ENDS_ON,
            MONTH,
            ENTRIES,
        )
    ),
    Event.ALLOWANCE_WRITTEN_OFF: Declared(facts=must(CREDITS, MONTH, ENTRIES), personal=(REASON,)),
    Event.QUOTA_TOOK_EFFECT: Declared(
        facts=must(
            Value("quota", Kind.TEXT, _("Which quota"), since=2),
            Value("before", Kind.NUMBER, _("Credits before"), nullable=True),
            Value("after", Kind.NUMBER, _("Credits after")),
            MONTH,
        )
    ),
    Event.QUOTAS_EXPORTED: Declared(facts=must(PEOPLE)),
    Event.QUOTAS_IMPORTED: Declared(
        facts=must(
            Value("quotas", Kind.NUMBER, _("Quotas changed"), since=2),
            Value("top_ups", Kind.NUMBER, _("Top-ups"), since=2),
        )
    ),
}
