"""The events of erasing and of legal holds; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, must
from accounts.events import Event

ERASURE = Value("erasure", Kind.IDENTIFIER, _("Erasure"), since=2)
SCOPE = Value("scope", Kind.TEXT, _("Kind"), since=2)
PICTURES = Value("pictures", Kind.FLAG, _("Images too"), since=2)
WHY_STOPPED = Value("why", Kind.TEXT, _("Why"), since=2)
IMAGES = Value("images", Kind.NUMBER, _("Images"))
REASON = Value("reason", Kind.TEXT, _("Reason"))

ERASED_RECORDS = Value("records", Kind.NUMBER, _("Records emptied"), since=2)
ERASED_RUNS = Value("runs", Kind.NUMBER, _("Runs"), since=2)

ERASING: dict[Event, Declared] = {
    Event.ERASURE_ASKED: Declared(facts=must(ERASURE, SCOPE, PICTURES), personal=must(REASON)),
    Event.PERSONAL_ERASED: Declared(
        facts=must(
            ERASURE,
            SCOPE,
            Value("records", Kind.IDENTIFIERS, _("Records whose text was erased"), since=2),
        ),
        personal=(REASON,),
    ),
    Event.ERASURE_STOPPED: Declared(facts=must(ERASURE, SCOPE, WHY_STOPPED)),
    Event.ERASURE_RESUMED: Declared(facts=must(ERASURE, SCOPE)),
    Event.ERASURE_FINISHED: Declared(
        facts=(
            *must(ERASURE, SCOPE, ERASED_RECORDS, ERASED_RUNS, IMAGES),
            Value(
                "files_kept", Kind.NUMBER, _("Files of which the bucket keeps versions"), since=2
            ),
        )
    ),
    Event.RETENTION_APPLIED: Declared(
        facts=must(
            ERASURE,
            Value("kind", Kind.TEXT, _("What the rule erases"), since=2),
            Value("campaign", Kind.IDENTIFIER, _("Campaign"), nullable=True, since=2),
            Value("days", Kind.NUMBER, _("After days"), since=2),
            Value("before", Kind.TEXT, _("Erased is what was older than"), since=2),
            ERASED_RECORDS,
            ERASED_RUNS,
            IMAGES,
            Value("uploads", Kind.NUMBER, _("Uploads"), since=2),
        )
    ),
    Event.RUN_ERASED: Declared(facts=must(ERASURE)),
    Event.IMAGE_ERASED: Declared(
        facts=must(ERASURE, Value("files", Kind.HASHES, _("SHA-256 of the files"), since=2))
    ),
    Event.REFERENCE_ERASED: Declared(facts=must(ERASURE)),
    Event.LOG_SEARCH_ERASED: Declared(facts=must(ERASURE)),
    Event.HOLD_PLACED: Declared(facts=must(SCOPE), personal=must(REASON)),
    Event.HOLD_LIFTED: Declared(facts=must(SCOPE), personal=must(REASON)),
}
