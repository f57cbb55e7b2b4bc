"""The format that was asked for, as text and as the class of a shape."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from generations.imaging.shapes import SHAPES, shape_of, shape_of_ratio
from generations.providers.capabilities import AS_REFERENCE

__all__ = [
    "SHAPES",
    "format_asked",
    "ratio_asked",
    "shape_asked",
    "shape_of",
    "shape_of_ratio",
]


def format_asked(options: Mapping[str, Any]) -> str:
    """The format in a run's options as text: a ratio, or a width and a height; may be empty."""
    width, height = options.get("width"), options.get("height")
    return f"{width}×{height}" if width and height else ratio_asked(options)


def ratio_asked(options: Mapping[str, Any]) -> str:
    """The aspect ratio in a run's options as text; may be empty."""
    ratio: str = options.get("aspect_ratio", "")
    return _("as the first reference") if ratio == AS_REFERENCE else ratio


def shape_asked(options: Mapping[str, Any]) -> str:
    """The class for the shape in a run's options, or the square one if they have none."""
    width, height = options.get("width"), options.get("height")
    if width and height:
        return shape_of(width, height)
    return shape_of_ratio(options.get("aspect_ratio", ""))
