"""The events of the studio itself, and what it does outside runs; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, must
from accounts.events import Event

PROGRAM = Value("program", Kind.TEXT, _("Program"), since=2)
VERSION = Value("studio", Kind.TEXT, _("Version of the studio"), since=2)
PROVIDER = Value("provider", Kind.TEXT, _("Provider"), since=2)
SLOT = Value("slot", Kind.NUMBER, _("Number of the key"), since=2)
UNIT = Value("unit", Kind.TEXT, _("Unit"), since=2)
TRIES = Value("tries", Kind.NUMBER, _("Tries"), since=2)
TROUBLE = Value("trouble", Kind.TEXT, _("Trouble"), since=2)
NOTICE = (
    Value("kind", Kind.TEXT, _("Kind of notice"), since=2),
    Value("cause", Kind.TEXT, _("Cause"), since=2),
)

STUDIO: dict[Event, Declared] = {
    Event.STUDIO_STARTED: Declared(facts=must(PROGRAM, VERSION), counted=True),
    Event.STUDIO_STOPPED: Declared(facts=must(PROGRAM, VERSION), counted=True),
    Event.STUDIO_CONFIGURED: Declared(
        facts=must(
            PROGRAM,
            Value("changed", Kind.TEXTS, _("Settings that changed"), since=2),
            Value("digests", Kind.TEXT_BY_NAME, _("Keyed hash of each setting"), since=2),
        )
    ),
    Event.STUDIO_MIGRATED: Declared(
        facts=must(
            VERSION,
            Value("applied", Kind.TEXTS, _("Migrations applied"), since=2),
            Value("unapplied", Kind.TEXTS, _("Migrations taken back"), since=2),
        )
    ),
    Event.NOTICES_MAILED: Declared(
        facts=must(
            Value("message", Kind.IDENTIFIER, _("Message"), since=2),
            Value("notices", Kind.NUMBER, _("Notices"), since=2),
        )
    ),
    Event.NOTICE_RAISED: Declared(facts=must(*NOTICE)),
    # Without days, it is muted until it ends.
    Event.NOTICE_MUTED: Declared(
        facts=(*must(*NOTICE), Value("days", Kind.NUMBER, _("Days"), since=2))
    ),
    Event.NOTICE_UNMUTED: Declared(facts=must(*NOTICE)),
    Event.NOTICE_POSTED: Declared(facts=must(TRIES)),
    Event.NOTICE_NOT_POSTED: Declared(facts=must(TRIES, TROUBLE)),
    Event.NOTICE_POSTING_ASKED: Declared(),
    # Without trouble, the test was accepted.
    Event.OUTLET_TESTED: Declared(facts=(TROUBLE,)),
    Event.PROVIDER_TESTED: Declared(
        facts=(
            *must(
                PROVIDER,
                SLOT,
                Value("engine", Kind.TEXT, _("Engine"), since=2),
                Value("outcome", Kind.TEXT, _("Outcome"), since=2),
            ),
            Value("task_id", Kind.TEXT, _("Task at the provider"), since=2),
            Value("cost_usd", Kind.AMOUNT, _("Cost in US dollars"), since=2),
        )
    ),
    Event.PROVIDER_BALANCE: Declared(
        facts=(
            *must(
                PROVIDER,
                SLOT,
                Value("balance", Kind.AMOUNT, _("Balance at the provider"), since=2),
                UNIT,
            ),
            Value("before", Kind.AMOUNT, _("Balance on the record before"), since=2),
        )
    ),
}
