"""Keeps the HTML of image frames, which are the largest part of most pages.

The key is everything that the HTML shows, and the language and the template, so it is never out of
date: a change gives another key. It contains nothing that depends on the viewer, the time or the
session, for example a button, a price, "3 min ago" or a token.

Drawings are kept in the memory of the process. So processes need not agree, no file or server holds
prompts, and no cache can be unreachable. The least recently used is dropped first, and none is
shown for longer than `KEPT_SECONDS`.
"""

import hashlib
import time
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast

from django.template import loader
from django.urls import get_script_prefix
from django.utils.safestring import SafeString
from django.utils.translation import get_language

TEMPLATE = "generations/_image_frames.html"
# The most drawings of one process: at 1,300 characters an image, some 10 MB.
MOST_KEPT = 2000
# A run has at most some 15 images. A longer list is drawn each time.
MOST_IMAGES = 40
KEPT_SECONDS = 3600


class ShownImage(NamedTuple):
    """One image as the feed and the gallery show it: all that `TEMPLATE` is given.

    `href` is the image's page; `chip` repeats its badge; `reuse` is the address that fills the
    composer from its run, empty for people who may not make images. `shape` is a class, empty if
    the frame takes the shape of its run. `width` and `height` are those of the file, in pixels.
    """

    id: str
    href: str
    src: str
    alt: str
    chip: str
    download: str
    reuse: str
    width: int
    height: int
    shape: str = ""


def images(shown: Iterable[ShownImage]) -> SafeString:
    """The frames of images as HTML, in their order, drawn now or kept from before."""
    frames = tuple(shown)
    if len(frames) > MOST_IMAGES:
        return _draw(frames)
    return _kept(frames, surroundings())


def surroundings() -> tuple[object, ...]:
    """What drawings depend on besides the images that they show; part of every key."""
    return version(), get_language(), get_script_prefix(), int(time.monotonic() // KEPT_SECONDS)


@lru_cache(maxsize=MOST_KEPT)
def _kept(frames: tuple[ShownImage, ...], around: tuple[object, ...]) -> SafeString:
    return _draw(frames)


def _draw(frames: tuple[ShownImage, ...]) -> SafeString:
    return loader.render_to_string(TEMPLATE, {"images": frames})


@cache
def version() -> str:
    """The SHA-256 of the template, so that a changed template is drawn again."""
    template = cast(Any, loader.get_template(TEMPLATE)).template
    return hashlib.sha256(template.source.encode()).hexdigest()
