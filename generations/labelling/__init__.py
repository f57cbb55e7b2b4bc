"""Labels on generated images: the visible badge and the metadata. Pure: bytes in, bytes out."""

from generations.labelling.badge import BILINGUAL, CHINESE, ENGLISH, GB_45438, Badge
from generations.labelling.pipeline import Original, label
from generations.labelling.splice import read_xmp
from generations.labelling.types import (
    FULL,
    LABEL_VERSION,
    PREVIEW,
    RECIPES,
    SCREEN,
    LabelFacts,
    LabelFailed,
    LabelledImage,
    Labels,
    Mark,
    Recipe,
    Signed,
    Signer,
)
from generations.labelling.xmp import DIGITAL_SOURCE_TYPE

__all__ = [
    "BILINGUAL",
    "CHINESE",
    "DIGITAL_SOURCE_TYPE",
    "ENGLISH",
    "FULL",
    "GB_45438",
    "LABEL_VERSION",
    "PREVIEW",
    "RECIPES",
    "SCREEN",
    "Badge",
    "LabelFacts",
    "LabelFailed",
    "LabelledImage",
    "Labels",
    "Mark",
    "Original",
    "Recipe",
    "Signed",
    "Signer",
    "label",
    "read_xmp",
]
