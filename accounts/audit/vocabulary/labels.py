"""The events of labelled files: made again, and looked into; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, must
from accounts.events import Event

RELABELLING = Value("relabelling", Kind.IDENTIFIER, _("Order to label again"), since=2)
SCOPE = Value("scope", Kind.TEXT, _("Kind"), since=2)
ONLY = Value("only", Kind.TEXT, _("Only those"), since=2)
CERTIFICATE = Value("certificate", Kind.TEXT, _("Signing certificate"), since=2)
WHY = Value("why", Kind.TEXT, _("Why"), since=2)
RECIPE = Value("recipe", Kind.TEXT, _("Size and format"), since=2)
IMAGES = Value("images", Kind.NUMBER, _("Images"))
# What was found in the original, if nobody had looked into it before.
ARRIVED_WITH = Value("arrived_with", Kind.TEXT_BY_NAME, _("Marks of the original"), since=2)
COUNTS = must(
    Value("done", Kind.NUMBER, _("Labelled again"), since=2),
    Value("unchanged", Kind.NUMBER, _("Unchanged"), since=2),
    Value("left_out", Kind.NUMBER, _("Left out"), since=2),
)

ABOUT_LABELS: dict[Event, Declared] = {
    Event.FILE_INSPECTED: Declared(
        facts=(
            *must(
                Value("sha256", Kind.HASH, _("SHA-256 of the file"), since=2),
                Value("bytes", Kind.NUMBER, _("Bytes of the file"), since=2),
                Value("format", Kind.TEXT, _("Format"), since=2),
            ),
            Value("found", Kind.TEXT, _("Recognised by"), since=2),
            Value("image", Kind.IDENTIFIER, _("Image"), since=2),
        )
    ),
    Event.RELABELLING_ASKED: Declared(
        facts=must(RELABELLING, SCOPE, ONLY, CERTIFICATE, WHY, IMAGES)
    ),
    Event.RELABELLING_STOPPED: Declared(facts=(*must(RELABELLING, WHY), *COUNTS)),
    Event.RELABELLING_RESUMED: Declared(facts=must(RELABELLING)),
    Event.RELABELLING_FINISHED: Declared(facts=(*must(RELABELLING), *COUNTS)),
    Event.IMAGE_RELABELLED: Declared(
        facts=(
            *must(
                RELABELLING,
                WHY,
                Value("renditions", Kind.TEXT_BY_NAME, _("SHA-256 of the labelled files")),
                Value("former", Kind.TEXT_BY_NAME, _("SHA-256 of the files replaced"), since=2),
                Value("label_version", Kind.NUMBER, _("Version of the label")),
                Value("files", Kind.LIST, _("The labelled files"), since=2),
                Value("label", Kind.TEXT_BY_NAME, _("What the label says"), since=2),
            ),
            ARRIVED_WITH,
        )
    ),
    Event.IMAGE_CONVERSION_ASKED: Declared(facts=must(RECIPE)),
    Event.IMAGE_CONVERTED: Declared(
        facts=must(
            RECIPE,
            Value("sha256", Kind.HASH, _("SHA-256 of the file"), since=2),
            Value("label_version", Kind.NUMBER, _("Version of the label")),
        )
    ),
    Event.IMAGE_LEFT_OUT: Declared(facts=must(RELABELLING, WHY)),
}
