"""The events of images that are tidied up in the gallery; part of `table`."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary.kinds import Declared, Kind, Value, Values, must
from accounts.events import Event

OF_IMAGES: Values = must(
    Value("images", Kind.NUMBER, _("Images"), since=2),
    Value("chosen", Kind.IDENTIFIERS, _("Which images"), since=2),
)
TAG = must(Value("tag", Kind.IDENTIFIER, _("Tag"), since=2))
TAG_NAME = must(Value("name", Kind.TEXT, _("Name"), since=2))

TIDYING: dict[Event, Declared] = {
    Event.IMAGES_HIDDEN: Declared(facts=OF_IMAGES),
    Event.IMAGES_RESTORED: Declared(facts=OF_IMAGES),
    Event.IMAGES_TAGGED: Declared(facts=(*OF_IMAGES, *TAG), personal=TAG_NAME),
    Event.IMAGES_UNTAGGED: Declared(facts=(*OF_IMAGES, *TAG), personal=TAG_NAME),
    Event.IMAGES_MOVED: Declared(
        facts=(
            *OF_IMAGES,
            *must(Value("campaign", Kind.IDENTIFIER, _("Campaign"), nullable=True)),
        ),
    ),
    Event.IMAGES_PACKED: Declared(
        facts=(*OF_IMAGES, *must(Value("export", Kind.IDENTIFIER, _("Export"), since=2)))
    ),
}
