"""Labels on generated images: the visible badge and the metadata. Pure: bytes in, bytes out."""

from generations.labelling.badge.drawing import (
    BILINGUAL,
    CHINESE,
    ENGLISH,
    GB_45438,
    Badge,
    Corner,
    put,
)
from generations.labelling.badge.icon import Icon
from generations.labelling.badge.presets import DEFAULT_PRESET, PRESETS, Preset
from generations.labelling.badge.samples import SAMPLES, sample
from generations.labelling.metadata.splice import read_xmp
from generations.labelling.pipeline import Original, label
from generations.labelling.types import (
    AIGC_VALUE,
    FULL,
    LABEL_VERSION,
    LONGEST_PRODUCER,
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
    "AIGC_VALUE",
    "BILINGUAL",
    "CHINESE",
    "DEFAULT_PRESET",
    "ENGLISH",
    "FULL",
    "GB_45438",
    "LABEL_VERSION",
    "LONGEST_PRODUCER",
    "PRESETS",
    "PREVIEW",
    "RECIPES",
    "SAMPLES",
    "SCREEN",
    "Badge",
    "Corner",
    "Icon",
    "LabelFacts",
    "LabelFailed",
    "LabelledImage",
    "Labels",
    "Mark",
    "Mining",
    "Original",
    "Preset",
    "Recipe",
    "ReferenceFacts",
    "Signed",
    "Signer",
    "Source",
    "label",
    "put",
    "read_xmp",
    "sample",
]
