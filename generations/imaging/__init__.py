"""Reading, checking, fitting and encoding images. Pure: bytes in, bytes out."""

from generations.imaging.decoding import (
    ALLOWED_FORMATS,
    MAX_PIXELS,
    ImageFacts,
    decode,
    fit,
    fit_fast,
    fit_whole,
    inspect,
    load,
    load_plugins,
    one_at_a_time,
    skim,
)
from generations.imaging.encoding import encode, extension, mime_type, on_white
from generations.imaging.errors import ImageTooLarge, NotAnImage, TruncatedImage, UnusableImage
from generations.imaging.references import CleanImage, clean_reference, look_at_reference

__all__ = [
    "ALLOWED_FORMATS",
    "MAX_PIXELS",
    "CleanImage",
    "ImageFacts",
    "ImageTooLarge",
    "NotAnImage",
    "TruncatedImage",
    "UnusableImage",
    "clean_reference",
    "decode",
    "encode",
    "extension",
    "fit",
    "fit_fast",
    "fit_whole",
    "inspect",
    "load",
    "load_plugins",
    "look_at_reference",
    "mime_type",
    "on_white",
    "one_at_a_time",
    "skim",
]
