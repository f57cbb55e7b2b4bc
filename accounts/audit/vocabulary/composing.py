"""The events of what people bring to the composer: references and snippets; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, Values, must
from accounts.events import Event

SHA256 = Value("sha256", Kind.HASH, _("SHA-256 of the file"))
UPLOAD_SHA256 = Value("upload_sha256", Kind.HASH, _("SHA-256 of the upload"))
RIGHTS = Value("rights", Kind.TEXT, _("Rights"))
LICENCE = Value("licence", Kind.TEXT, _("Licence"), since=2)
SNIPPET: Values = (
    Value("name", Kind.TEXT, _("Name of the snippet"), since=2),
    Value("prompt", Kind.LONG_TEXT, _("Prompt")),
)

COMPOSING: dict[Event, Declared] = {
    Event.REFERENCE_UPLOADED: Declared(
        facts=(
            *must(SHA256, RIGHTS),
            Value("clean_sha256", Kind.HASH, _("SHA-256 of the clean copy"), since=2),
        ),
        personal=(Value("file_name", Kind.TEXT, _("File name"), since=2), LICENCE),
    ),
    Event.REFERENCE_DECLARED: Declared(facts=must(RIGHTS), personal=(LICENCE,)),
    Event.REFERENCE_DROPPED: Declared(),
    Event.REFERENCE_CLEANED: Declared(
        facts=must(
            UPLOAD_SHA256,
            SHA256,
            Value("format", Kind.TEXT, _("Format")),
            Value("width", Kind.NUMBER, _("Width in pixels")),
            Value("height", Kind.NUMBER, _("Height in pixels")),
        )
    ),
    Event.REFERENCE_REFUSED: Declared(
        facts=must(UPLOAD_SHA256, Value("problem", Kind.TEXT, _("Problem")))
    ),
    Event.SNIPPET_SAVED: Declared(personal=must(*SNIPPET)),
    Event.SNIPPET_DELETED: Declared(personal=must(*SNIPPET)),
}
