"""Procedural pictures for the demo engine: what a prompt names, drawn with Pillow alone.

A picture is a pure function of a `Picture`: the same one gives the same bytes on every machine
with the same Pillow. It is composed at about a megapixel and enlarged to its exact size, which
keeps it well below a second of processor time.

    vocabulary   words of a prompt → a subject          palettes   subject and seed → colours
    fields       one float per pixel                    textures   fields with chance in them
    canvas       strokes that all scenes share          colour     mixing and ramps
    ridges, sea, shore, city, still_life, botanical, abstract: the scenes
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import cast

from PIL import Image, ImageChops, ImageEnhance, UnidentifiedImageError

from generations.providers.demo_pictures import (
    abstract,
    botanical,
    city,
    ridges,
    sea,
    shore,
    still_life,
)
from generations.providers.demo_pictures.canvas import Canvas, Palette
from generations.providers.demo_pictures.colour import Colour
from generations.providers.demo_pictures.fields import Size
from generations.providers.demo_pictures.palettes import PALETTES, leaning, with_accent
from generations.providers.demo_pictures.vocabulary import Subject, read

__all__ = ["SCENES", "Picture", "Subject", "dominant_colours", "read", "render"]

SCENES: dict[str, Callable[[Canvas], Image.Image]] = {
    "ridges": ridges.paint,
    "sea": sea.paint,
    "shore": shore.paint,
    "city": city.paint,
    "still_life": still_life.paint,
    "botanical": botanical.paint,
    "paper": abstract.paint_paper,
    "ink": abstract.paint_ink,
    "silk": abstract.paint_silk,
}

# What suits a scene where the prompt names no colour.
SCENE_PALETTES = {
    "ridges": ("dawn", "teal", "red", "blue", "violet", "rose", "green", "sky", "orange"),
    "sea": ("dawn", "teal", "red", "blue", "sky", "orange", "violet"),
    "shore": ("teal", "sky", "blue", "rose", "dawn"),
    "city": ("neon", "blue", "violet", "dawn", "teal", "red"),
    "botanical": ("green", "teal", "rose", "pastel", "dawn", "violet", "gold", "red", "linen"),
}

# Pixels to compose on, for pictures up to and above ten million pixels.
WORK_AREA, LARGE_WORK_AREA = 1_050_000, 1_700_000
LARGE = 10_000_000

JPEG_QUALITY = 92
PNG_COMPRESSION = 1

# How far grain may darken or lighten a pixel, in steps of 255.
GRAIN = 4
GRAIN_STRIP = 256


@dataclass(frozen=True)
class Picture:
    """Everything that decides about a picture's pixels.

    `size` is in pixels; `tint` are colours taken from references; `guidance` (1 to 10, None for
    the middle) is how strongly colours and contrast are drawn.
    """

    subject: Subject
    seed: int
    size: Size
    tint: tuple[Colour, ...] = ()
    guidance: float | None = None


def render(picture: Picture, output_format: str) -> bytes:
    """The picture as a file, `jpeg` or `png`."""
    image = _guided(_composed(picture), picture.guidance)
    image = image.resize(picture.size, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    if output_format == "png":
        # Grain is left out: packing it takes longer than painting and triples the size of the file.
        image.save(file, "PNG", compress_level=PNG_COMPRESSION)
    else:
        _grainy(image, picture.seed).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def dominant_colours(data: bytes, count: int = 5) -> tuple[Colour, ...]:
    """The main colours of a picture's bytes. Raises ValueError if they are no picture."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            # A JPEG is decoded at an eighth of its size, which is enough for its colours.
            image.draft("RGB", (64, 64))
            small = image.convert("RGB").resize((64, 64), Image.Resampling.BOX)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise ValueError("not a picture") from error
    reduced = small.quantize(count)
    values = reduced.getpalette() or []
    used = cast(list[tuple[int, int]], reduced.getcolors())
    return tuple(
        (values[3 * n], values[3 * n + 1], values[3 * n + 2]) for _, n in sorted(used, reverse=True)
    )


def _composed(picture: Picture) -> Image.Image:
    subject = picture.subject
    rng = Random(f"{subject.digest}:{picture.seed}")  # noqa: S311 - it has to be predictable
    canvas = Canvas(
        size=_work_size(picture.size),
        palette=_palette(picture, rng),
        rng=rng,
        night=subject.night,
        named=bool(subject.palette or picture.tint),
        motifs=subject.motifs,
    )
    return SCENES[subject.scene](canvas)


def _work_size(size: Size) -> Size:
    width, height = size
    area = LARGE_WORK_AREA if width * height > LARGE else WORK_AREA
    scale = min(1.0, (area / (width * height)) ** 0.5)
    return round(width * scale), round(height * scale)


def _palette(picture: Picture, rng: Random) -> Palette:
    subject = picture.subject
    suited = SCENE_PALETTES.get(subject.scene, tuple(PALETTES))
    palette = PALETTES[subject.palette or rng.choice(suited)]
    if subject.accent:
        palette = with_accent(palette, PALETTES[subject.accent])
    return leaning(palette, picture.tint)


def _guided(image: Image.Image, guidance: float | None) -> Image.Image:
    if guidance is None:
        return image
    strength = 0.75 + 0.05 * guidance
    return ImageEnhance.Contrast(ImageEnhance.Color(image).enhance(strength)).enhance(strength)


def _grainy(image: Image.Image, seed: int) -> Image.Image:
    """Grain as of film; it also hides the steps in soft gradients."""
    rng = Random(seed)  # noqa: S311
    steps = [value * (2 * GRAIN + 1) // 256 for value in range(256)]
    # Strip by strip, because a whole copy of a 4K picture takes 50 MB.
    for top in range(0, image.height, GRAIN_STRIP):
        strip = image.crop((0, top, image.width, min(top + GRAIN_STRIP, image.height)))
        noise = rng.randbytes(strip.width * strip.height)
        grain = Image.frombytes("L", strip.size, noise).point(steps)
        grain = Image.merge("RGB", (grain, grain, grain))
        image.paste(ImageChops.add(strip, grain, offset=-GRAIN), (0, top))
    return image
