"""What a label is made from, and the result."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, get_args

from PIL import Image

from generations.imaging import ALLOWED_FORMATS
from generations.labelling.badge.drawing import Badge
from generations.labelling.sources import Source

# Increased when the same original and recipe would give a file with another label, so that older
# files can be recognised and made again.
LABEL_VERSION: int = 2

# GB 45438-2025, annex E, note j: no space, quotation mark, backslash or anything beyond ASCII.
AIGC_VALUE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
# The code of a provider has 27 characters; a name may be longer.
LONGEST_PRODUCER = 64


class LabelFailed(Exception):
    """No labelled file could be made; none may be served."""


# What others may do with an image to train models, in the words of CAWG's assertion
# `cawg.training-mining` 1.1; empty where nothing is said.
Mining = Literal["allowed", "notAllowed", "constrained", ""]


@dataclass(frozen=True)
class ReferenceFacts:
    """A picture that an image was made from: its file's SHA-256 in lower-case hex, its format, and
    the UUID of the image of ours that it is. For an upload that is None, and the file is the clean
    copy; for an image of ours the file is its original.
    """

    sha256: str
    format: str
    image_id: str | None


@dataclass(frozen=True)
class LabelFacts:
    """What a file says about its origin. There is no field for a prompt: no prompt may leave in a
    file.

    `image_id` is the image's UUID, `system` the model's name (Seedream 4.5), `system_version` the
    model id that the provider returned (may be empty), `credit` the line to print beside the image.
    `made_at` is the time at which the image came from the provider. `producer` is the name or code
    of whoever is responsible for the service, in the characters that GB 45438-2025, annex E,
    allows, and `producer_name` its legal name (may be empty); `tool` and `tool_version` are the
    software.

    Raises ValueError for an id that is not a UUID, a producer with other characters, a time without
    a zone, and an unknown word for `mining`.
    """

    image_id: str
    system: str
    system_version: str
    credit: str
    producer: str
    made_at: datetime
    source: Source = Source.GENERATED
    producer_name: str = ""
    tool: str = "Seedream Studio"
    tool_version: str = ""
    mining: Mining = ""
    references: tuple[ReferenceFacts, ...] = ()

    def __post_init__(self) -> None:
        if str(uuid.UUID(self.image_id)) != self.image_id:
            raise ValueError(f"write the image id in lower case with hyphens: {self.image_id}")
        if not AIGC_VALUE.fullmatch(self.producer):
            raise ValueError(
                "use visible ASCII characters without quotation marks and backslashes for the "
                f"producer, not {self.producer!r}"
            )
        if self.made_at.tzinfo is None:
            raise ValueError("give the time at which the image was made with its zone")
        if self.mining not in get_args(Mining):
            raise ValueError(f"{self.mining} is not one of {', '.join(get_args(Mining))}")


# How pixels are reduced: `imaging.fit`, `fit_fast` or `fit_whole`.
Shrink = Literal["sharp", "fast", "whole"]


@dataclass(frozen=True)
class Recipe:
    """How a rendition is made: longest side in pixels, format and quality.

    None as `max_side` or `format` keeps the original's; None as `quality` is the encoder's default.
    `if_transparent` is the format of an image with transparent pixels. `coarse_colour` is that of
    `imaging.encode`.
    """

    name: str
    max_side: int | None
    format: str | None
    quality: int | None = None
    if_transparent: str | None = None
    shrink: Shrink = "sharp"
    coarse_colour: bool = False

    def __post_init__(self) -> None:
        for image_format in (self.format, self.if_transparent):
            if image_format not in (None, *ALLOWED_FORMATS):
                raise ValueError(f"{image_format} is not one of {', '.join(ALLOWED_FORMATS)}")


FULL = Recipe("full", None, None)
# Made to be looked at, so the time of a processor counts. A JPEG takes a twentieth of that of a
# WebP. Reducing an image of 2048 pixels to 1600 takes as much as decoding and encoding it, so such
# an image keeps its size: at quality 65 it has as many bytes and, seen at 1600 pixels, as much
# detail as one that was reduced to 1600 at quality 82.
SCREEN = Recipe("screen", 2560, "JPEG", 65, "WEBP", shrink="whole", coarse_colour=True)
PREVIEW = Recipe("preview", 640, "JPEG", 80, "WEBP", shrink="fast", coarse_colour=True)
RECIPES = (FULL, SCREEN, PREVIEW)


@dataclass(frozen=True)
class Signed:
    """A file after signing.

    `certificate` is the SHA-256 of the signing certificate in lower-case hex, empty if the file is
    not signed. `is_stamped`: the signature has a time stamp; None if none was asked for.
    """

    data: bytes
    certificate: str = ""
    is_stamped: bool | None = None


class Signer(Protocol):
    """Adds a signed C2PA manifest to a finished file."""

    def sign(
        self,
        data: bytes,
        facts: LabelFacts,
        original: bytes,
        *,
        carries: bool = True,
        is_marked: bool = False,
    ) -> Signed:
        """`data` with a manifest about `facts`; `original` is the provider's file, and may be
        empty if it has no manifest.

        Unless it `carries` the manifests of the original, it names the original by its hash alone.
        `is_marked` says that the pixels have an imperceptible mark. Raises ValueError if the signed
        file does not verify.
        """


class Mark(Protocol):
    """Writes one number into pixels, so that people do not see it."""

    @property
    def key_number(self) -> int:
        """The number of the key under which it is written."""

    def embed(self, image: Image.Image) -> Image.Image | None:
        """A copy of an RGB or RGBA image with the mark, or None if it cannot carry one."""


@dataclass(frozen=True)
class Labels:
    """What labels files get: the badge always, a mark and a signature unless they are off."""

    badge: Badge
    mark: Mark | None = None
    signer: Signer | None = None


@dataclass(frozen=True)
class LabelledImage:
    """A file that may be served: `width` and `height` in pixels, `sha256` in lower-case hex.

    `capitals` is the height in pixels of the badge's capitals, `contrast` that of its letters to
    the image under them (4.5 to 21), `mark_key` the number of the key of the imperceptible mark or
    None; `certificate` and `is_stamped` are as in `Signed`.
    """

    data: bytes
    format: str
    width: int
    height: int
    sha256: str
    label_version: int
    capitals: int
    contrast: float
    mark_key: int | None
    certificate: str
    is_stamped: bool | None
