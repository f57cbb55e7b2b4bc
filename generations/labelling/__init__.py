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
    Mining,
    Recipe,
    ReferenceFacts,
    Signed,
    Signer,
    Source,
)

__all__ = [
    "BILINGUAL",
    "CHINESE",
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
    "Mining",
    "Original",
    "Recipe",
    "ReferenceFacts",
    "Signed",
    "Signer",
    "Source",
    "label",
    "read_xmp",
]
