"""Turns an original into files that may be served. The order of the steps matters.

1. The original is decoded once, for all recipes.
2. For each recipe, `_label` fits the pixels, draws the badge, adds the imperceptible mark and
   encodes once.
3. `_embed_xmp` inserts the metadata, and the signer signs the file. It comes last, because any
   later change breaks its signature.
4. `_check` reads the result back. A file that does not pass is never returned.
"""

import hashlib
import logging
from collections.abc import Sequence
from functools import cached_property
from xml.etree.ElementTree import Element

from PIL import Image

from generations.imaging import ImageFacts, UnusableImage, encode, fit, inspect, load
from generations.labelling import aigc, xmp
from generations.labelling.badge import capitals, draw
from generations.labelling.splice import insert_xmp, read_xmp
from generations.labelling.types import (
    LABEL_VERSION,
    LabelFacts,
    LabelFailed,
    LabelledImage,
    Labels,
    Mark,
    Recipe,
    Signed,
)

logger = logging.getLogger(__name__)


class Original:
    """A provider's file and its pixels. Raises what `imaging.inspect` raises.

    `facts` are its format, width and height.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.facts, self.pixels = load(data)

    @cached_property
    def packet(self) -> Element | None:
        """The tree of its XMP, or None.

        If it cannot be read, only its marks are lost, not the image: its files still get our marks,
        and the original keeps what it had.
        """
        try:
            packet = read_xmp(self.data)
            return None if packet is None else xmp.parse(packet)
        except ValueError as error:
            logger.warning("XMP packet of an original left behind: %s", error)
            return None

    @cached_property
    def plain_aigc(self) -> str | None:
        """The AIGC mark that it has outside XMP."""
        return aigc.find_outside_xmp(self.data)


def label(
    original: Original, *, facts: LabelFacts, recipes: Sequence[Recipe], labels: Labels
) -> list[LabelledImage]:
    """A file for each recipe, the largest first, with visible and machine-readable labels.

    Without a signer, the same arguments give the same bytes. Of the original's metadata, only marks
    of origin and rights are kept. Raises LabelFailed if a file does not pass the check.
    """
    made = []
    pixels = original.pixels
    for recipe in recipes:
        try:
            pixels = pixels if recipe.max_side is None else fit(pixels, recipe.max_side)
            made.append(_label(original, pixels, facts, recipe, labels))
        except (UnusableImage, ValueError, OSError) as error:
            raise LabelFailed(f"{recipe.name} of image {facts.image_id}: {error}") from error
    return made


def _label(
    original: Original, pixels: Image.Image, facts: LabelFacts, recipe: Recipe, labels: Labels
) -> LabelledImage:
    image, mark_key = _marked(draw(pixels, labels.badge), labels.mark)
    data = encode(image, recipe.format or original.facts.format, quality=recipe.quality)
    data = _embed_xmp(data, original, facts)
    signed = labels.signer.sign(data, facts, original.data) if labels.signer else Signed(data)
    found = _check(signed.data, facts)
    return LabelledImage(
        data=signed.data,
        format=found.format,
        width=found.width,
        height=found.height,
        sha256=hashlib.sha256(signed.data).hexdigest(),
        label_version=LABEL_VERSION,
        capitals=capitals(labels.badge, width=found.width, height=found.height),
        mark_key=mark_key,
        certificate=signed.certificate,
        is_stamped=signed.is_stamped,
    )


def _marked(image: Image.Image, mark: Mark | None) -> tuple[Image.Image, int | None]:
    """The image with the mark, if there is one and it can carry it, and the number of its key."""
    marked = mark.embed(image) if mark else None
    if mark is None or marked is None:
        return image, None
    return marked, mark.key_number


def _embed_xmp(data: bytes, original: Original, facts: LabelFacts) -> bytes:
    packet = xmp.build(facts, upstream=original.packet, plain_aigc=original.plain_aigc)
    return insert_xmp(data, packet)


def _check(data: bytes, facts: LabelFacts) -> ImageFacts:
    """Read the file as another program would. Raises ValueError that says what is wrong."""
    found = inspect(data)
    packet = read_xmp(data)
    if packet is None:
        raise ValueError("the XMP packet is missing")
    root = xmp.parse(packet)
    _expect(root, "Iptc4xmpExt:DigitalSourceType", xmp.DIGITAL_SOURCE_TYPE)
    _expect(root, "Iptc4xmpExt:DigImageGUID", facts.image_id)
    marks = [aigc.parse(text) for text in xmp.values(root, "TC260:AIGC")]
    if len(marks) != 1 or data.count(b"<TC260:AIGC>") != 1 or aigc.find_outside_xmp(data):
        raise ValueError("the file does not hold exactly one AIGC mark")
    if marks[0] is None or marks[0]["PropagateID"] != facts.image_id:
        raise ValueError("the AIGC mark does not name the image")
    return found


def _expect(root: Element, name: str, value: str) -> None:
    if xmp.values(root, name) != [value]:
        raise ValueError(f"{name} is not exactly {value}")
