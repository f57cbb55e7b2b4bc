"""Leaves, petals and blossoms: outlines in one colour, and cut paper with ribs and light on it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from generations.providers.demo_pictures.canvas import Canvas, Outline, Point, faded, soft
from generations.providers.demo_pictures.colour import WHITE, Colour, Stops, mix, painted, relit
from generations.providers.demo_pictures.fields import (
    Field,
    Size,
    across,
    columns,
    combine,
    distance,
    down,
)
from generations.providers.demo_pictures.textures import noise


class Cut(NamedTuple):
    """A leaf or petal: half widths from root to tip, width for its length, ribs along it."""

    widths: Sequence[float]
    width: float
    ribs: float = 0.0
    slit: bool = False


LEAVES = {
    "oval": Cut((0, 0.3, 0.55, 0.76, 0.9, 0.98, 1, 0.96, 0.86, 0.72, 0.54, 0.32, 0), 0.44, 9),
    "blade": Cut((0, 0.35, 0.6, 0.8, 0.92, 1, 1, 0.95, 0.86, 0.74, 0.58, 0.4, 0.22, 0), 0.2, 16),
    "split": Cut((0, 0.62, 0.86, 0.97, 1, 1, 0.97, 0.9, 0.8, 0.66, 0.48, 0.28, 0), 0.74, 9, True),
}
WIDE_PETAL = Cut((0.16, 0.24, 0.34, 0.46, 0.6, 0.76, 0.9, 1, 1, 0.9, 0.62, 0), 0.52)
SLIM_PETAL = Cut((0.2, 0.3, 0.42, 0.56, 0.7, 0.84, 0.95, 1, 0.97, 0.82, 0.5, 0), 0.3)

# Length of a leaf and side of a blossom in units, before they are scaled for their place.
LEAF, BLOSSOM = 330, 340


def outline(root: Point, angle: float, length: float, width: float, bend: float = 0.0) -> Outline:
    """A pointed leaf that grows from `root` towards `angle` (radians) and bends."""
    right, left = [], []
    x, y = root
    steps = 16
    for n in range(steps + 1):
        share = n / steps
        towards = angle + bend * share
        half = width / 2 * math.sin(math.pi * share**0.8) ** 0.9
        right.append((x - math.sin(towards) * half, y + math.cos(towards) * half))
        left.append((x + math.sin(towards) * half, y - math.cos(towards) * half))
        x += math.cos(towards) * length / steps
        y += math.sin(towards) * length / steps
    return right + left[::-1]


def spray(canvas: Canvas, root: Point, angle: float, length: float) -> list[Outline]:
    """A thin stem with pairs of leaves, smaller towards its tip."""
    bend = canvas.between(-0.5, 0.5)
    pairs = canvas.rng.randint(6, 9)
    outlines = [outline(root, angle, length, length * 0.02, bend)]
    x, y = root
    for n in range(1, pairs + 1):
        share = n / pairs
        towards = angle + bend * share
        x += math.cos(towards) * length / pairs * 0.97
        y += math.sin(towards) * length / pairs * 0.97
        size = length * 0.24 * (1.15 - 0.6 * share)
        if share >= 0.3:
            for side in (-1, 1):
                turn = towards + side * canvas.between(0.55, 0.95)
                outlines.append(outline((x, y), turn, size, size * 0.42, -side * 0.3))
    return outlines


def leaf(canvas: Canvas, kind: str, colour: Colour) -> Image.Image:
    """A leaf of paper that grows to the right from the middle of its left edge, with alpha."""
    cut = LEAVES[kind]
    length = round(LEAF * canvas.unit)
    bend = 0 if cut.slit else canvas.between(-0.14, 0.14) * length
    size = length, round(length * cut.width + 2 * abs(bend)) + 6
    along = across(size)
    middle = combine(lambda along: bend * along * along, along) + size[1] / 2
    aside = down(size, 0, size[1]) - middle
    half = columns(size, [width * length * cut.width / 2 for width in cut.widths])
    side = (aside / half).clamped(-1.2, 1.2)
    ribs = combine(
        lambda along, side: (along - abs(side) * cut.width * 0.75) * cut.ribs, along, side
    ).wave()
    mask = combine(lambda half, aside: half - abs(aside) + 0.5, half, aside).clamped()
    if cut.slit:
        gaps = ribs.smoothstep(0.2, 0.05) * abs(side).smoothstep(0.42, 0.5)
        mask = mask * (1 - gaps * along.smoothstep(0.1, 0.2))
    sprite = painted(_leaf_light(along, aside, side, ribs), _paper(colour))
    sprite.putalpha(mask.mask())
    return sprite


def _leaf_light(along: Field, aside: Field, side: Field, ribs: Field) -> Field:
    """The upper half in the light, the lower in shade, ribs and midrib raised."""
    midrib = combine(
        lambda aside, along: 1 - abs(aside) / (2.6 * (1.15 - along)), aside, along
    ).clamped()
    return combine(
        lambda lower, side, along, ribs, veins, midrib: (
            0.62
            - lower * 0.2
            - side * side * 0.06
            + along * 0.12
            - (1 - along) * (1 - along) * 0.12
            + (ribs - 0.5) * 0.13
            + veins * 0.12
            + midrib * 0.32
        ),
        side.smoothstep(-0.08, 0.08),
        side,
        along,
        ribs,
        ribs.smoothstep(0.93, 1),
        midrib,
    )


def _paper(colour: Colour) -> Stops:
    bright = relit(colour, by=0.1)
    edge = mix(relit(colour, by=0.16), WHITE, 0.2)
    return [(0, relit(colour, by=-0.17)), (0.5, colour), (0.8, bright), (1, edge)]


def blossom(canvas: Canvas, colour: Colour) -> Image.Image:
    """A flower seen from above, of two or three rings of petals, with alpha."""
    rng = canvas.rng
    side = round(BLOSSOM * canvas.unit)
    flower = Image.new("RGBA", (side, side), (*colour, 0))
    slim = rng.random() < 0.35
    cut, count = (SLIM_PETAL, rng.randint(11, 14)) if slim else (WIDE_PETAL, rng.randint(6, 8))
    base = mix(relit(colour, by=-0.2), canvas.palette.deep, 0.25)
    for ring in range(2 if slim else rng.randint(2, 3)):
        length = side * 0.45 * (1 - 0.27 * ring)
        petal = _petal(canvas, cut, length, relit(colour, by=0.03 * ring), base)
        start = rng.uniform(0, math.tau)
        for n in range(count):
            angle = start + n * math.tau / count + rng.uniform(-0.09, 0.09)
            flower.alpha_composite(*turned(petal, (side / 2, side / 2), angle, length / 2))
    _add_seeds(canvas, flower, side * (0.11 if slim else 0.075), base, colour)
    return flower


def _petal(canvas: Canvas, cut: Cut, length: float, colour: Colour, base: Colour) -> Image.Image:
    """A petal like a leaf, its own soft shadow around it."""
    size: Size = round(length), round(length * cut.width) + 4
    along = across(size)
    half = columns(size, [width * length * cut.width / 2 for width in cut.widths])
    aside = down(size, -size[1] / 2, size[1] / 2)
    side = (aside / half).clamped(-1.2, 1.2)
    lines = combine(lambda side, along: side * 3.2 + along * 0.3, side, along).wave()
    tone = combine(
        lambda along, side, lines: (
            0.08 + along * 0.82 - side * side * 0.16 + (lines - 0.5) * 0.07 * (1.2 - along)
        ),
        along,
        side,
        lines,
    )
    light = mix(relit(colour, by=0.07), WHITE, 0.2)
    stops = [(0, base), (0.35, mix(base, colour, 0.75)), (0.7, colour), (1, light)]
    mask = combine(lambda half, aside: half - abs(aside) + 0.5, half, aside).clamped().mask()
    margin = round(9 * canvas.unit)
    sprite = Image.new("RGBA", (size[0] + 2 * margin, size[1] + 2 * margin))
    around = Image.new("L", sprite.size)
    around.paste(mask, (margin, margin))
    dark = mix(canvas.palette.shadow, base, 0.3)
    sprite.paste(Image.new("RGB", sprite.size, dark))
    sprite.putalpha(faded(soft(around, margin / 2.4), 0.5))
    petal = painted(tone, stops)
    petal.putalpha(mask)
    sprite.alpha_composite(petal, (margin, margin))
    return sprite


def _add_seeds(
    canvas: Canvas, flower: Image.Image, radius: float, base: Colour, petals: Colour
) -> None:
    """The dotted middle of a flower, dark on pale petals."""
    palette = canvas.palette
    pale = sum(petals) > 600
    seeds = (
        mix(palette.shadow, palette.deep, 0.5) if pale else mix(palette.glow, palette.accent, 0.35)
    )
    centre = flower.width / 2, flower.height / 2
    disc = distance(flower.size, centre, radius)
    stipple = noise(canvas.rng, flower.size, 5 * canvas.unit)
    mask = combine(
        lambda disc, stipple: (1.12 - disc - (stipple - 0.5) * 0.5) * 9, disc, stipple
    ).clamped()
    flower.paste(base, (0, 0), faded(soft(mask.mask(), 6 * canvas.unit), 0.6))
    dome = painted(1 - disc * 0.75, [(0, relit(seeds, by=-0.2)), (1, relit(seeds, by=0.05))])
    flower.paste(dome, (0, 0), mask.mask())


def turned(
    sprite: Image.Image, root: Point, angle: float, half: float
) -> tuple[Image.Image, tuple[int, int]]:
    """A sprite turned by `angle` (radians), its middle `half` pixels from `root`; its corner."""
    image = sprite.rotate(-math.degrees(angle), Image.Resampling.BICUBIC, expand=True)
    x = root[0] + math.cos(angle) * half - image.width / 2
    y = root[1] + math.sin(angle) * half - image.height / 2
    return image, (round(x), round(y))
