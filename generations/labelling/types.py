"""What a label is made from, and the result."""

import re
import uuid
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from generations.imaging import ALLOWED_FORMATS
from generations.labelling.badge import Badge

# Increased when the same original and recipe would give a file with another label, so that older
# files can be recognised and made again.
LABEL_VERSION: int = 1

# GB 45438-2025, annex E, note j: no space, quotation mark, backslash or anything beyond ASCII.
AIGC_VALUE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class LabelFailed(Exception):
    """No labelled file could be made; none may be served."""


@dataclass(frozen=True)
class LabelFacts:
    """What a file says about its origin. There is no field for a prompt: no prompt may leave in a
    file.

    `image_id` is the image's UUID, `system` the model's name (Seedream 4.5), `system_version` the
    model id that the provider returned (may be empty), `credit` the line to print beside the image.
    `producer` is the name or code of whoever is responsible for the service, in the characters that
    GB 45438-2025, annex E, allows; `tool` is the software.

    Raises ValueError for an id that is not a UUID and for a producer with other characters.
    """

    image_id: str
    system: str
    system_version: str
    credit: str
    producer: str
    tool: str = "Seedream Studio"

    def __post_init__(self) -> None:
        if str(uuid.UUID(self.image_id)) != self.image_id:
            raise ValueError(f"write the image id in lower case with hyphens: {self.image_id}")
        if not AIGC_VALUE.fullmatch(self.producer):
            raise ValueError(
                "use visible ASCII characters without quotation marks and backslashes for the "
                f"producer, not {self.producer!r}"
            )


@dataclass(frozen=True)
class Recipe:
    """How a rendition is made: longest side in pixels, format and quality.

    None as `max_side` or `format` keeps the original's; None as `quality` is the encoder's default.
    """

    name: str
    max_side: int | None
    format: str | None
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.format not in (None, *ALLOWED_FORMATS):
            raise ValueError(f"{self.format} is not one of {', '.join(ALLOWED_FORMATS)}")


FULL = Recipe("full", None, None)
SCREEN = Recipe("screen", 1600, "WEBP", 82)
PREVIEW = Recipe("preview", 640, "WEBP", 80)
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

    def sign(self, data: bytes, facts: LabelFacts, original: bytes) -> Signed:
        """`data` with a manifest about `facts`; `original` is the provider's file.

        Raises ValueError if the signed file does not verify.
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

    `capitals` is the height in pixels of the badge's capitals, `mark_key` the number of the key of
    the imperceptible mark or None; `certificate` and `is_stamped` are as in `Signed`.
    """

    data: bytes
    format: str
    width: int
    height: int
    sha256: str
    label_version: int
    capitals: int
    mark_key: int | None
    certificate: str
    is_stamped: bool | None
