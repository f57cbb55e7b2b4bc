"""Turns an original into a file that may be served. The order of the steps matters.

1. `_render`: decode, fit, draw the badge, encode once.
2. `STEPS`: each takes the bytes of the file and returns them with metadata. A step that signs the
   file comes last, because any later change breaks its signature.
3. `_check`: read the result back and check it. A file that does not pass is never returned.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from generations.imaging import ImageFacts, UnusableImage, decode, encode, inspect
from generations.imaging.containers import sniff
from generations.labelling import aigc, xmp
from generations.labelling.badge import Badge, draw
from generations.labelling.splice import insert_xmp, read_xmp
from generations.labelling.types import (
    LABEL_VERSION,
    LabelFacts,
    LabelFailed,
    LabelledImage,
    Recipe,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What a step may use besides the file itself."""

    original: bytes
    facts: LabelFacts
    recipe: Recipe
    badge: Badge


def label(original: bytes, *, facts: LabelFacts, recipe: Recipe, badge: Badge) -> LabelledImage:
    """The original as `recipe` requires it, with visible and machine-readable labels.

    The same arguments give the same bytes. Of the original's metadata, only marks of origin and
    rights are kept. Raises LabelFailed if no file passes the check.
    """
    job = Job(original, facts, recipe, badge)
    try:
        data = _render(job)
        for step in STEPS:
            data = step(data, job)
        found = _check(data, facts)
    except (UnusableImage, ValueError, OSError) as error:
        raise LabelFailed(f"{recipe.name} of image {facts.image_id}: {error}") from error
    digest = hashlib.sha256(data).hexdigest()
    return LabelledImage(data, found.format, found.width, found.height, digest, LABEL_VERSION)


def _render(job: Job) -> bytes:
    recipe = job.recipe
    image = draw(decode(job.original, max_side=recipe.max_side), job.badge)
    image_format = recipe.format or sniff(job.original)
    if image_format is None:
        raise ValueError("the original is of no known format")
    return encode(image, image_format, quality=recipe.quality)


def _embed_xmp(data: bytes, job: Job) -> bytes:
    plain = aigc.find_outside_xmp(job.original)
    packet = xmp.build(job.facts, upstream=_upstream_packet(job), plain_aigc=plain)
    return insert_xmp(data, packet)


STEPS: tuple[Callable[[bytes, Job], bytes], ...] = (_embed_xmp,)


def _upstream_packet(job: Job) -> Element | None:
    """The tree of the original's XMP, or None.

    If it cannot be read, only its marks are lost, not the image: the file still gets our marks, and
    the original keeps what it had.
    """
    try:
        packet = read_xmp(job.original)
        return None if packet is None else xmp.parse(packet)
    except ValueError as error:
        logger.warning("XMP packet of image %s left behind: %s", job.facts.image_id, error)
        return None


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
