"""Turns an original into files that may be served. The order of the steps matters.

1. The original is decoded once, for all recipes.
2. For each recipe, the pixels of the one before are fitted, still without a badge. Then the badge
   is drawn and the imperceptible mark added, once for recipes of the same size, and the result is
   encoded. The original's pixels are lent for that, and have no badge afterwards.
3. `_embed_xmp` inserts the metadata, and the signer signs the file. It comes last, because any
   later change breaks its signature.
4. `_check` reads the result back. A file that does not pass is never returned.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from xml.etree.ElementTree import Element

from PIL import Image, ImageChops

from generations.imaging import (
    ImageFacts,
    UnusableImage,
    encode,
    fit,
    fit_fast,
    fit_whole,
    load,
    on_white,
    skim,
)
from generations.labelling.badge.drawing import worn
from generations.labelling.manifests.credentials import can_be_opened
from generations.labelling.manifests.disclosing import may_leave
from generations.labelling.metadata import aigc, xmp
from generations.labelling.metadata.splice import insert_xmp, read_xmp
from generations.labelling.types import (
    LABEL_VERSION,
    LabelFacts,
    LabelFailed,
    LabelledImage,
    Labels,
    Recipe,
    Signed,
)

logger = logging.getLogger(__name__)

_FITS = {"sharp": fit, "fast": fit_fast, "whole": fit_whole}

# How far the mean of 8 x 8 pixels of a file may be from the pixels that were encoded, of 255. The
# encoders stay below 20 at the qualities of our recipes, also on noise in saturated colours. A file
# whose bytes are garbled is off by more from there on, because each block of a JPEG or WebP starts
# from the one before.
_MOST_DIFFERENCE = 48


class Original:
    """A provider's file and its pixels. Raises what `imaging.inspect` raises.

    `facts` are its format, width and height.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.facts, self.pixels = load(data)

    @cached_property
    def is_transparent(self) -> bool:
        """Whether any of its pixels is."""
        alpha = self.pixels.getchannel("A").getextrema() if self.pixels.mode == "RGBA" else None
        return alpha is not None and alpha[0] != 255

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
    def signed(self) -> bytes:
        """The file if it has a manifest that readers of ours can open; else empty."""
        return self.data if can_be_opened(self.data) else b""

    @cached_property
    def plain_aigc(self) -> str | None:
        """The AIGC mark that it has outside XMP."""
        return aigc.find_outside_xmp(self.data)


def label(
    original: Original,
    *,
    facts: LabelFacts,
    recipes: Sequence[Recipe],
    labels: Labels,
    secrets: Sequence[str] | None = (),
) -> list[LabelledImage]:
    """A file for each recipe, the largest first, with visible and machine-readable labels.

    Without a signer, the same arguments give the same bytes. Of the original's metadata, only marks
    of origin and rights are kept; its signed manifests only if none of `secrets`, the texts of its
    prompt, stands in them (None: not known). Raises LabelFailed if a file does not pass the check.
    """
    made: list[LabelledImage] = []
    carries = labels.signer is None or may_leave(original.signed, secrets)
    try:
        for pixels, of_one_size in _sizes(original.pixels, recipes):
            with _drawn(pixels, labels) as drawn:
                made.extend(
                    _label(original, drawn, facts, recipe, labels, carries=carries)
                    for recipe in of_one_size
                )
    except (UnusableImage, ValueError, OSError) as error:
        name = recipes[len(made)].name
        raise LabelFailed(f"{name} of image {facts.image_id}: {error}") from error
    return made


def _sizes(
    pixels: Image.Image, recipes: Sequence[Recipe]
) -> list[tuple[Image.Image, list[Recipe]]]:
    """The pixels of each size, still without a badge, with the recipes that they are for."""
    sizes: list[tuple[Image.Image, list[Recipe]]] = []
    for recipe in recipes:
        fitted = _fitted(pixels, recipe)
        if not sizes or fitted is not pixels:
            sizes.append((fitted, []))
        sizes[-1][1].append(recipe)
        pixels = fitted
    return sizes


def _fitted(pixels: Image.Image, recipe: Recipe) -> Image.Image:
    return pixels if recipe.max_side is None else _FITS[recipe.shrink](pixels, recipe.max_side)


@dataclass(frozen=True)
class _Drawn:
    """The pixels of a file, and at an eighth of their size, to compare the file with."""

    image: Image.Image
    eighth: Image.Image
    capitals: int
    contrast: float
    mark_key: int | None


@contextmanager
def _drawn(pixels: Image.Image, labels: Labels) -> Iterator[_Drawn]:
    """The pixels with badge and mark. The badge is in `pixels` themselves until the context ends:
    a copy of a large image takes as much time as reducing it."""
    with worn(labels.badge, pixels) as badged:
        marked = labels.mark.embed(badged.image) if labels.mark else None
        key = labels.mark.key_number if labels.mark and marked else None
        image = marked or badged.image
        eighth = on_white(image.reduce(8))
        yield _Drawn(image, eighth, badged.capitals, badged.contrast, key)


def _label(
    original: Original,
    drawn: _Drawn,
    facts: LabelFacts,
    recipe: Recipe,
    labels: Labels,
    *,
    carries: bool,
) -> LabelledImage:
    data = encode(
        drawn.image,
        _format(original, recipe),
        quality=recipe.quality,
        coarse_colour=recipe.coarse_colour,
    )
    data = _embed_xmp(data, original, facts)
    signed = Signed(data)
    if labels.signer:
        is_marked = drawn.mark_key is not None
        signed = labels.signer.sign(
            data, facts, original.signed, carries=carries, is_marked=is_marked
        )
    found = _check(signed.data, facts, drawn)
    return LabelledImage(
        data=signed.data,
        format=found.format,
        width=found.width,
        height=found.height,
        sha256=hashlib.sha256(signed.data).hexdigest(),
        label_version=LABEL_VERSION,
        capitals=drawn.capitals,
        contrast=drawn.contrast,
        mark_key=drawn.mark_key,
        certificate=signed.certificate,
        is_stamped=signed.is_stamped,
    )


def _format(original: Original, recipe: Recipe) -> str:
    if recipe.if_transparent and original.is_transparent:
        return recipe.if_transparent
    return recipe.format or original.facts.format


def _embed_xmp(data: bytes, original: Original, facts: LabelFacts) -> bytes:
    packet = xmp.build(facts, upstream=original.packet, plain_aigc=original.plain_aigc)
    return insert_xmp(data, packet)


def _check(data: bytes, facts: LabelFacts, drawn: _Drawn) -> ImageFacts:
    """Read the file as another program would, and compare it with the pixels that were encoded.

    Raises ValueError that says what is wrong, or UnusableImage for a file that can't be read.
    """
    found = _shows(data, drawn)
    packet = read_xmp(data)
    if packet is None:
        raise ValueError("the XMP packet is missing")
    root = xmp.parse(packet)
    _expect(root, "Iptc4xmpExt:DigitalSourceType", facts.source.uri)
    _expect(root, "Iptc4xmpExt:DigImageGUID", facts.image_id)
    _expect(root, "photoshop:DateCreated", xmp.date_of(facts))
    marks = [aigc.parse(text) for text in xmp.values(root, "TC260:AIGC")]
    if len(marks) != 1 or data.count(b"<TC260:AIGC>") != 1 or aigc.find_outside_xmp(data):
        raise ValueError("the file does not hold exactly one AIGC mark")
    if marks[0] is None or marks[0]["PropagateID"] != facts.image_id:
        raise ValueError("the AIGC mark does not name the image")
    if not aigc.follows_the_standard(marks[0]):
        raise ValueError("the AIGC mark breaks the standard")
    return found


def _expect(root: Element, name: str, value: str) -> None:
    if xmp.values(root, name) != [value]:
        raise ValueError(f"{name} is not exactly {value}")


def _shows(data: bytes, drawn: _Drawn) -> ImageFacts:
    """The file's facts, if it shows the image.

    A decoder reads on over damaged bytes of a JPEG and raises nothing, so that it decodes proves
    little. That the means of all blocks are right proves that every byte of the scan is, at half
    the cost of making each pixel.
    """
    found, seen = skim(data)
    if (found.width, found.height) != drawn.image.size:
        raise ValueError(f"the file has {found.width} x {found.height} pixels")
    difference = ImageChops.difference(on_white(_plain(seen)), drawn.eighth)
    if any(_high(band) > _MOST_DIFFERENCE for band in difference.split()):
        raise ValueError("the file does not show the image")
    return found


def _high(band: Image.Image) -> int:
    return max(level for level, count in enumerate(band.histogram()) if count)


def _plain(image: Image.Image) -> Image.Image:
    return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
