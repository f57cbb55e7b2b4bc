"""What stands beside an image in place of its badge, which can't be read where the image is small.

A chip repeats what was drawn into that very file: after another choice of badge, old files keep
their words until they are labelled again.
"""

from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from django.db.models.fields.json import KT
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from generations.labelling import DEFAULT_PRESET, PRESETS, PREVIEW, Source
from generations.models import Rendition

# The column of a rendition's query that `chip` takes; None for files of older versions.
WORDS = KT("badge__text")
# These drew the same words into each image, however it was made.
_DRAWN_BEFORE = PRESETS[DEFAULT_PRESET].generated
_FIRST_HAN, _LAST_HAN = "\u4e00", "\u9fff"


@lru_cache(maxsize=100)
def chip(words: str | None) -> SafeString:
    """The words of a badge as HTML: each line in its own language, whichever the page has."""
    lines = (words or _DRAWN_BEFORE).splitlines()
    return format_html_join(
        " ", '<span lang="{}">{}</span>', ((_language(line), line) for line in lines)
    )


def chip_of(file: Rendition) -> SafeString:
    return chip(file.badge.get("text"))


def chips_of_previews(images: Iterable[UUID]) -> dict[UUID, SafeString]:
    """The chips of the smallest files of these images, by the image's identifier."""
    wanted = set(images)
    if not wanted:
        return {}
    files = Rendition.objects.filter(image__uuid__in=wanted, recipe=PREVIEW.name)
    found = dict(files.values_list("image__uuid", WORDS))
    return {image: chip(found.get(image)) for image in wanted}


def alt_text(prompt: str, source: str = Source.GENERATED) -> str:
    """The alternative text of an image that was made from `prompt` in this way."""
    sentences = {
        Source.GENERATED: _("Image generated with AI: %(prompt)s"),
        Source.COMPOSITE: _("Image modified with AI: %(prompt)s"),
        Source.ENHANCED: _("Image enhanced with AI: %(prompt)s"),
    }
    return sentences[Source(source)] % {"prompt": prompt}


def _language(line: str) -> str:
    return "zh-Hans" if any(_FIRST_HAN <= letter <= _LAST_HAN for letter in line) else "en"
