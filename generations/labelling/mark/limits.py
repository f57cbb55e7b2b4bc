"""What the imperceptible mark survives and what it does not, in sentences for people.

Every page that says it takes it from here. `tests/bench/marks.py` measures it.
"""

from django.utils.translation import gettext_lazy as _

SURVIVES = _(
    "It survives saving again, also as another kind of file, resizing, a screenshot, greyscale, "
    "and cutting up to a twentieth off a side."
)
DOES_NOT_SURVIVE = (
    _("Cutting away more than a tenth of the longer side."),
    _("Turning or mirroring, even by a few degrees."),
    _("Stretching, bending, or a photograph of a screen."),
    _("Drawing the image anew, by a person or with another model."),
    _("A headline, a bar or another picture over a large part of the image."),
    _("Strong blur, or a size of less than about 200 pixels."),
    _("Brightening until most of the image turns white."),
    _(
        "Strong compression of an image with a side of less than about 700 pixels, of one that is "
        "little but text on white, or of one that is long, narrow and full of fine detail."
    ),
    _(
        "An image with a side of less than 200 pixels, or with one side more than four times as "
        "long as the other, carries no mark at all."
    ),
)
