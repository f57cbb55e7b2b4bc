"""Every event with its facts and its personal values: what a record of the current version holds.

`facts` are open to every reader of a record. `personal` is what people wrote, and what could
confirm a guess about it: it is in the payload, under a salt, and can be erased. `docs/log.md` is
made from this table.
"""

from dataclasses import replace

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.asking import ASKING
from accounts.audit.vocabulary.composing import COMPOSING
from accounts.audit.vocabulary.credits import CREDITS_PROVED
from accounts.audit.vocabulary.erasing import ERASING
from accounts.audit.vocabulary.kinds import Declared, Kind, Value, Values
from accounts.audit.vocabulary.kinds import must as _must
from accounts.audit.vocabulary.labels import ABOUT_LABELS, ARRIVED_WITH
from accounts.audit.vocabulary.quotas import QUOTAS
from accounts.audit.vocabulary.readings import READINGS
from accounts.audit.vocabulary.sealing import SEALING
from accounts.audit.vocabulary.studio import STUDIO
from accounts.audit.vocabulary.tidying import TIDYING
from accounts.events import Event


def _body(name: str, label: Promise, hash_label: Promise, bytes_label: Promise) -> Values:
    """A body, without its pictures: its text, and the hash and length of all its bytes."""
    return (
        Value(name, Kind.LONG_TEXT, label, since=2),
        Value(f"{name}_sha256", Kind.HASH, hash_label, since=2),
        Value(f"{name}_bytes", Kind.NUMBER, bytes_label, since=2),
        Value(f"{name}_cut", Kind.FLAG, _("Text is cut"), since=2),
    )


ENGINE = Value("engine", Kind.TEXT, _("Engine"))
ERROR = Value("error", Kind.TEXT, _("Error"))
IMAGES = Value("images", Kind.NUMBER, _("Images"))
ENTRIES = Value("entries", Kind.HASHES, _("SHA-256 of the entries of credits"), since=2)
CREDITS = Value("credits", Kind.NUMBER, _("Credits"))
MONTH = Value("month", Kind.TEXT, _("Month"))
TASK = Value("task_id", Kind.TEXT, _("Task at the provider"))
PROVIDER = Value("provider", Kind.TEXT, _("Provider"))
SLOT = Value("slot", Kind.NUMBER, _("Number of the key"))
PRICE = Value("price", Kind.IDENTIFIER, _("Price"))
GENERATIONS = Value("generations", Kind.IDENTIFIERS, _("Generations"))
GENERATION = Value("generation", Kind.IDENTIFIER, _("Generation"))
SHA256 = Value("sha256", Kind.HASH, _("SHA-256 of the file"))
PROBLEM = Value("problem", Kind.TEXT, _("Problem"))
REASON = Value("reason", Kind.TEXT, _("Reason"))
PROMPT = Value("prompt", Kind.LONG_TEXT, _("Prompt"))
AVOID = Value("negative_prompt", Kind.LONG_TEXT, _("Avoid"), nullable=True)
BEFORE = Value("before", Kind.VALUES_BY_NAME, _("Before"))
AFTER = Value("after", Kind.VALUES_BY_NAME, _("After"))
WIDTH = Value("width", Kind.NUMBER, _("Width in pixels"))
HEIGHT = Value("height", Kind.NUMBER, _("Height in pixels"))
FORMAT = Value("format", Kind.TEXT, _("Format"))
ATTEMPT = Value("attempt", Kind.NUMBER, _("Attempt"))

EXPORT: Values = (
    Value("kind", Kind.TEXT, _("What was exported"), since=2),
    FORMAT,
)
EXPORT_BYTES = Value("bytes", Kind.NUMBER, _("Bytes of the file"), since=2)
EXPORTED: Values = (
    Value("first", Kind.NUMBER, _("First place"), since=2),
    Value("last", Kind.NUMBER, _("Last place"), since=2),
    Value("records", Kind.NUMBER, _("Records"), since=2),
    Value("left_out", Kind.NUMBER, _("Records between them that are left out"), since=2),
    Value("pictures", Kind.NUMBER, _("Pictures"), since=2),
    Value("pictures_lacking", Kind.NUMBER, _("Pictures that storage has lost"), since=2),
)

CALLER: Values = (
    Value("ip", Kind.TEXT, _("From")),
    Value("user_agent", Kind.TEXT, _("Program")),
)
SESSION = Value("session", Kind.TEXT, _("Session, by the start of its hash"), since=2)
AT_SHELL: Values = (
    Value("os_user", Kind.TEXT, _("User of the operating system"), since=2),
    Value("host", Kind.TEXT, _("Machine"), since=2),
)
MOVED: Values = (
    *_must(
        Value("from", Kind.TEXT, _("Status before")),
        Value("to", Kind.TEXT, _("Status after")),
        ATTEMPT,
        ENGINE,
    ),
    ERROR,
    Value("provider_code", Kind.TEXT, _("Provider's code")),
    Value("provider_request_id", Kind.TEXT, _("Provider's request id")),
    Value("why", Kind.TEXT, _("Why")),
    Value("late", Kind.FLAG, _("Came late")),
    TASK,
    IMAGES,
    Value("model", Kind.TEXT, _("Model returned")),
    Value("answer", Kind.TEXT_BY_NAME, _("Values of the answer")),
)
# What a provider answered, in the record of the move that followed.
ANSWERED: Values = (
    Value("status", Kind.NUMBER, _("HTTP status"), since=2),
    Value("headers", Kind.TEXT_BY_NAME, _("Headers of the answer"), since=2),
    Value("complete", Kind.FLAG, _("Answer arrived completely"), since=2),
    Value("polls", Kind.NUMBER, _("Polls that moved nothing"), since=2),
)
ANSWER_TEXT: Values = (
    Value("message", Kind.TEXT, _("Provider's message"), since=2),
    *_body("answer_body", _("Answer"), _("SHA-256 of the answer"), _("Bytes of the answer")),
)
ENDED: Values = (
    *MOVED,
    *ANSWERED,
    *_must(
        Value("credits_spent", Kind.NUMBER, _("Credits spent")),
        Value("credits_released", Kind.NUMBER, _("Credits returned")),
        Value("delivered", Kind.NUMBER, _("Images delivered")),
        ENTRIES,
    ),
    Value("provider_may_bill", Kind.FLAG, _("The provider may bill it")),
    Value("reference", Kind.IDENTIFIER, _("Reference")),
    PROBLEM,
)
REQUESTED: Values = (
    ENGINE,
    ATTEMPT,
    Value("token", Kind.IDENTIFIER, _("Claim under which it is sent"), since=2),
    PROVIDER,
    SLOT,
    Value("key", Kind.TEXT, _("Fingerprint of the key"), since=2),
    Value("endpoint", Kind.TEXT, _("Address, without query"), since=2),
    Value("idempotency_key", Kind.TEXT, _("Idempotency key"), since=2),
    Value("references", Kind.HASHES, _("SHA-256 of each reference, in order"), since=2),
    Value("seed", Kind.NUMBER, _("Seed sent"), nullable=True, since=2),
    Value("studio", Kind.TEXT, _("Version of the studio"), since=2),
)
REQUEST_TEXT: Values = (
    Value("path", Kind.LONG_TEXT, _("Address as sent"), since=2),
    Value("headers", Kind.TEXT_BY_NAME, _("Headers as sent, without the key"), since=2),
    *_body("body", _("Body as sent"), _("SHA-256 of the body"), _("Bytes of the body")),
)
# What `accounts.origin` adds to any record, if the act came through a page or from a command.
FROM_SHELL: Values = (Value("command", Kind.TEXT, _("Command"), since=2),)
ORIGIN: Values = (Value("ip", Kind.TEXT, _("From"), since=2), SESSION, *AT_SHELL)
# What a record adds that counts further acts of a stranger.
COUNTS: Values = _must(
    Value("more", Kind.NUMBER, _("Further times")),
    Value("seconds", Kind.NUMBER, _("Within seconds")),
)

TABLE: dict[Event, Declared] = {
    # Runs
    Event.RUN_SUBMITTED: Declared(
        facts=(
            *_must(
                ENGINE,
                IMAGES,
                Value("options", Kind.TEXT_BY_NAME, _("Options")),
                CREDITS,
                PRICE,
                GENERATIONS,
                Value("references", Kind.LIST, _("References")),
                Value("campaign", Kind.IDENTIFIER, _("Campaign"), nullable=True),
                ENTRIES,
            ),
            Value("remedy", Kind.TEXT, _("Made in place of a failed run")),
            Value("of", Kind.IDENTIFIER, _("The failed run")),
            Value("parent", Kind.IDENTIFIER, _("The run it was made from"), since=2),
            Value("left_out", Kind.TEXTS, _("Options that this engine does not have"), since=2),
        ),
        personal=(
            *_must(PROMPT, AVOID),
            Value("campaign", Kind.TEXT, _("Name of the campaign"), since=2),
        ),
    ),
    Event.RUN_REFUSED: Declared(
        facts=(
            *_must(
                Value("why", Kind.TEXT, _("Why"), since=2),
                Value("fields", Kind.TEXTS, _("Fields"), since=2),
                ENGINE,
            ),
            Value("of", Kind.IDENTIFIER, _("The run whose missing images were asked for"), since=2),
            Value("remedy", Kind.TEXT, _("In which other way"), since=2),
        ),
        personal=(
            PROMPT,
            AVOID,
            Value("messages", Kind.TEXTS, _("What the person was told"), since=2),
        ),
        counted=True,
    ),
    Event.CAMPAIGN_MADE: Declared(personal=_must(Value("name", Kind.TEXT, _("Name"), since=2))),
    Event.RUN_RETRIED: Declared(
        facts=_must(
            IMAGES,
            ENGINE,
            replace(PRICE, since=2),
            CREDITS,
            replace(GENERATIONS, since=2),
            ENTRIES,
        )
    ),
    # Generations
    Event.GENERATION_QUEUED: Declared(facts=(*MOVED, *ANSWERED), personal=ANSWER_TEXT),
    Event.GENERATION_SUBMITTING: Declared(facts=MOVED),
    Event.GENERATION_REQUESTED: Declared(facts=_must(*REQUESTED), personal=REQUEST_TEXT),
    Event.GENERATION_RUNNING: Declared(facts=(*MOVED, *ANSWERED), personal=ANSWER_TEXT),
    Event.GENERATION_STORING: Declared(
        facts=(
            *MOVED,
            *ANSWERED,
            Value("seed", Kind.NUMBER, _("Seed returned"), nullable=True, since=2),
            Value("cost_usd", Kind.AMOUNT, _("Cost in US dollars"), since=2),
            Value("cost_told", Kind.FLAG, _("The provider told the cost"), since=2),
        ),
        personal=ANSWER_TEXT,
    ),
    Event.GENERATION_SUCCEEDED: Declared(facts=ENDED),
    Event.GENERATION_FAILED: Declared(facts=ENDED, personal=ANSWER_TEXT),
    Event.GENERATION_CANCELLED: Declared(facts=ENDED, personal=ANSWER_TEXT),
    Event.GENERATION_UNKNOWN: Declared(facts=(*MOVED, *ANSWERED), personal=ANSWER_TEXT),
    Event.GENERATION_CANCEL_ASKED: Declared(),
    Event.GENERATION_DECIDED: Declared(
        facts=_must(Value("decision", Kind.TEXT, _("Decision"))), personal=(REASON,)
    ),
    # Images and files
    Event.IMAGE_STORED: Declared(
        facts=(
            *_must(
                GENERATION,
                Value("position", Kind.NUMBER, _("Position in the run")),
                WIDTH,
                HEIGHT,
                FORMAT,
                Value("model", Kind.TEXT, _("Model returned")),
                Value("original_sha256", Kind.HASH, _("SHA-256 of the original")),
                Value("renditions", Kind.TEXT_BY_NAME, _("SHA-256 of the labelled files")),
                Value("label_version", Kind.NUMBER, _("Version of the label")),
                Value("files", Kind.LIST, _("The labelled files"), since=2),
                Value("label", Kind.TEXT_BY_NAME, _("What the label says"), since=2),
            ),
            ARRIVED_WITH,
        )
    ),
    Event.IMAGE_FETCH_ASKED: Declared(facts=_must(IMAGES)),
    Event.IMAGE_MISSED: Declared(
        facts=_must(
            ERROR,
            Value("index", Kind.NUMBER, _("Place in the answer")),
            Value("tries", Kind.NUMBER, _("Tries")),
            Value("accidents", Kind.NUMBER, _("Tries lost to the studio's own trouble")),
            Value("original_kept", Kind.FLAG, _("Original kept"), nullable=True),
        )
    ),
    Event.IMAGE_DOWNLOADED: Declared(
        facts=_must(SHA256, Value("recipe", Kind.TEXT, _("Kind of file")))
    ),
    Event.ORIGINAL_DOWNLOADED: Declared(facts=_must(SHA256), personal=(REASON,)),
    Event.FILE_REFUSED: Declared(
        facts=_must(
            Value("name", Kind.TEXT, _("File in storage")),
            Value("expected", Kind.TEXT, _("SHA-256 stored")),
            Value("found", Kind.TEXT, _("SHA-256 found")),
        )
    ),
    **ABOUT_LABELS,
    # References
    **COMPOSING,
    Event.REFERENCE_FETCHED: Declared(
        facts=_must(SHA256, GENERATION, Value("meant_for", Kind.TEXT, _("Meant for"))),
        personal=CALLER,
        counted=True,
    ),
    # Credits
    **ASKING,
    **QUOTAS,
    **CREDITS_PROVED,
    # The studio and strangers
    Event.PROVIDER_ALERTED: Declared(
        facts=(*_must(PROVIDER, SLOT, Value("code", Kind.TEXT, _("Alert"))), ENGINE)
    ),
    Event.WEBHOOK_FORGED: Declared(facts=_must(PROVIDER), personal=CALLER, counted=True),
    # People
    Event.USER_INVITED: Declared(
        facts=(
            Value("team", Kind.IDENTIFIER, _("Team")),
            Value("groups", Kind.TEXTS, _("Groups")),
            Value("again", Kind.FLAG, _("Invited again")),
            Value("link", Kind.TEXT, _("Link shown or mailed")),
        ),
        personal=(
            Value("email", Kind.TEXT, _("E-mail address")),
            Value("name", Kind.TEXT, _("Name")),
        ),
    ),
    Event.USER_CHANGED: Declared(
        facts=(Value("changed", Kind.TEXTS, _("Changed")), BEFORE, AFTER),
        personal=(BEFORE, AFTER),
    ),
    Event.USER_LEFT_TEAM: Declared(
        facts=_must(
            Value("person", Kind.IDENTIFIER, _("Person"), since=2),
            Value("to", Kind.IDENTIFIER, _("New team"), since=2),
        )
    ),
    Event.USER_DEACTIVATED: Declared(facts=(BEFORE, AFTER), personal=(BEFORE, AFTER)),
    Event.USER_SIGNED_IN: Declared(personal=CALLER),
    Event.USER_SIGNED_OUT: Declared(personal=CALLER),
    Event.USER_SESSIONS_ENDED: Declared(
        facts=_must(Value("sessions", Kind.NUMBER, _("Sessions"), since=2)), personal=CALLER
    ),
    Event.USER_RESET_ASKED: Declared(personal=CALLER, counted=True),
    Event.USER_SIGN_IN_FAILED: Declared(
        facts=_must(Value("person", Kind.IDENTIFIER, _("Person"), nullable=True)),
        personal=(Value("email", Kind.TEXT, _("Address typed")), *CALLER),
        counted=True,
    ),
    Event.SHELL_USED: Declared(facts=_must(*FROM_SHELL), personal=_must(*AT_SHELL)),
    # The log
    **SEALING,
    Event.LOG_EXPORTED: Declared(facts=_must(*EXPORTED[:3], EXPORT_BYTES, SHA256)),
    Event.USAGE_EXPORTED: Declared(
        facts=_must(
            Value("from", Kind.TEXT, _("First day"), since=2),
            Value("to", Kind.TEXT, _("Last day"), since=2),
            Value("format", Kind.TEXT, _("Format"), since=2),
            Value("all_teams", Kind.FLAG, _("Of all teams"), since=2),
        )
    ),
    # Exports
    Event.EXPORT_ASKED: Declared(
        facts=_must(
            *EXPORT, Value("filtered", Kind.FLAG, _("Not the whole log of the reader"), since=2)
        ),
        personal=(Value("filters", Kind.TEXT_BY_NAME, _("Filters"), since=2),),
    ),
    Event.EXPORT_MADE: Declared(
        facts=(
            *_must(*EXPORT, EXPORT_BYTES, SHA256),
            *EXPORTED,
            IMAGES,
            Value("files_read", Kind.NUMBER, _("Labelled files that were read"), since=2),
            Value("files_lacking", Kind.NUMBER, _("Those that lack a label"), since=2),
        )
    ),
    Event.EXPORT_FAILED: Declared(facts=_must(*EXPORT, PROBLEM)),
    Event.EXPORT_DOWNLOADED: Declared(
        facts=_must(SHA256, Value("from_byte", Kind.NUMBER, _("From byte"), since=2)),
        personal=CALLER,
    ),
    Event.EXPORT_DELETED: Declared(
        facts=_must(Value("why", Kind.TEXT, _("Why"))),
    ),
    Event.EXPORT_EXPIRED: Declared(facts=_must(SHA256)),
    Event.LOG_DAMAGE_ACCEPTED: Declared(
        facts=(
            *_must(Value("damage", Kind.TEXTS, _("Damage"), since=2)),
            Value("ranges", Kind.RANGES, _("Places of the accepted damage"), since=2),
            Value("rows", Kind.TEXTS, _("Rows without a record that were accepted"), since=2),
        ),
        personal=_must(REASON, *AT_SHELL),
    ),
    **TIDYING,
    **READINGS,
    **STUDIO,
    **ERASING,
    # The admin
    Event.ADMIN_ADDED: Declared(facts=(AFTER,), personal=(AFTER,)),
    Event.ADMIN_CHANGED: Declared(facts=(BEFORE, AFTER), personal=(BEFORE, AFTER)),
    Event.ADMIN_DELETED: Declared(facts=(BEFORE,), personal=(BEFORE,)),
}
