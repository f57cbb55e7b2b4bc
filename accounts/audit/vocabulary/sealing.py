"""The events of keys: those that seal the log and those that sign images; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, must
from accounts.events import Event

SEALING: dict[Event, Declared] = {
    Event.LOG_SEALING_BEGAN: Declared(
        facts=must(
            Value("key", Kind.TEXT, _("Public key"), since=2),
            Value("records_before", Kind.NUMBER, _("Records before"), since=2),
        )
    ),
    Event.LOG_KEY_ROTATED: Declared(
        facts=must(
            Value("old", Kind.TEXT, _("Id of the key before"), since=2),
            Value("new", Kind.TEXT, _("Public key"), since=2),
        )
    ),
    Event.LABEL_ROOT_ADDED: Declared(
        facts=must(
            Value("sha256", Kind.HASH, _("SHA-256 of the certificate"), since=2),
            Value("name", Kind.TEXT, _("Name"), since=2),
            Value("until", Kind.TEXT, _("Valid until"), since=2),
        )
    ),
    Event.LABEL_CERTIFICATE_ADDED: Declared(
        facts=must(
            Value("sha256", Kind.HASH, _("SHA-256 of the certificate"), since=2),
            Value("serial", Kind.TEXT, _("Serial number"), since=2),
            Value("origin", Kind.TEXT, _("Origin"), since=2),
            Value("until", Kind.TEXT, _("Valid until"), since=2),
        )
    ),
    Event.LOG_PLACE_LOST: Declared(
        facts=must(Value("place", Kind.NUMBER, _("Place in the log"), since=2))
    ),
    Event.LOG_FILE_BEGUN: Declared(
        facts=must(Value("copied", Kind.NUMBER, _("Checkpoint copied before"), since=2))
    ),
    Event.LABEL_MARK_KEY_MADE: Declared(
        facts=must(
            Value("number", Kind.NUMBER, _("Number of the key"), since=2),
            Value("sha256", Kind.HASH, _("SHA-256 of the key"), since=2),
        )
    ),
    Event.LABEL_MARK_KEY_LOST: Declared(
        facts=must(Value("number", Kind.NUMBER, _("Number of the key"), since=2))
    ),
    Event.LABEL_CERTIFICATE_WITHDRAWN: Declared(
        facts=must(
            Value("sha256", Kind.HASH, _("SHA-256 of the certificate"), since=2),
            Value("serial", Kind.TEXT, _("Serial number"), since=2),
        ),
        personal=must(Value("reason", Kind.TEXT, _("Reason"), since=2)),
    ),
}
