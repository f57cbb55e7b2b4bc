"""Paths in frames, without a call of the URL resolver for each; and the names of downloads."""

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlencode
from uuid import UUID

from django.urls import get_script_prefix, reverse

from accounts.identifiers import NOBODY
from generations.imaging import extension

# How many images the page that compares shows.
FEWEST_COMPARED, MOST_COMPARED = 2, 4


def image_path(image: UUID) -> str:
    """The path of the image's own page."""
    return _pattern("image", get_script_prefix()).replace(str(NOBODY), str(image))


def download_path(image: UUID) -> str:
    return _pattern("image-download", get_script_prefix()).replace(str(NOBODY), str(image))


def rendition_path(rendition: UUID, image_format: str) -> str:
    """The path of a labelled file; it ends with the extension of its format (JPEG, PNG, WEBP)."""
    pattern = _pattern("rendition", get_script_prefix(), extension(image_format))
    return pattern.replace(str(NOBODY), str(rendition))


def reference_path(reference: UUID) -> str:
    return _pattern("reference", get_script_prefix()).replace(str(NOBODY), str(reference))


def cancel_path(generation: UUID) -> str:
    return _pattern("generation-cancel", get_script_prefix()).replace(str(NOBODY), str(generation))


def compare_path(images: Iterable[UUID]) -> str:
    """The path of the page that shows these images beside one another."""
    query = urlencode([("image", str(image)) for image in images])
    return f"{_pattern('compare', get_script_prefix(), identified=False)}?{query}"


def reuse_path(run: UUID) -> str:
    """The path of the studio with the composer filled from a run."""
    return f"{_pattern('studio', get_script_prefix(), identified=False)}?reuse={run}"


def act_path() -> str:
    """The path to which the gallery sends what is done with images."""
    return _pattern("gallery-act", get_script_prefix(), identified=False)


def references_path(images: Iterable[UUID]) -> str:
    """The path of the studio with these images as references."""
    query = urlencode([("reference", str(image)) for image in images])
    return f"{_pattern('studio', get_script_prefix(), identified=False)}?{query}"


@lru_cache(maxsize=32)
def _pattern(name: str, prefix: str, *args: str, identified: bool = True) -> str:
    return reverse(name, args=[NOBODY, *args] if identified else None)


def download_name(image: UUID, made_at: dt.datetime, image_format: str, suffix: str = "") -> str:
    """The name under which a browser saves a file of an image."""
    day = made_at.astimezone(dt.UTC).date()
    return f"seedream-{day}-{str(image)[:8]}{suffix}.{extension(image_format)}"
