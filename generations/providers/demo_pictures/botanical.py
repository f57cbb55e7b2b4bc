"""Leaves and blossoms laid over one another like cut paper; distant ones are out of focus."""

import math
from typing import NamedTuple

from PIL import Image

from generations.providers.demo_pictures import plants
from generations.providers.demo_pictures.canvas import Canvas, Point, faded, soft
from generations.providers.demo_pictures.colour import BLACK, WHITE, Colour, mix, painted, relit
from generations.providers.demo_pictures.fields import glow

KINDS = ("oval", "oval", "blade", "split")
FAR_LEAVES, NEAR_LEAVES = 16, 22


class Spot(NamedTuple):
    """Where a flower lies and how wide it is, in pixels."""

    place: Point
    size: float


def paint(canvas: Canvas) -> Image.Image:
    dark = canvas.night or canvas.chance(0.5)
    picture = _ground(canvas, dark)
    leaves = [
        plants.leaf(canvas, kind, colour)
        for kind, colour in zip(KINDS * 2, _greens(canvas, dark) * 2, strict=True)
    ]
    heart = canvas.width * canvas.between(0.4, 0.6), canvas.height * canvas.between(0.45, 0.6)
    picture = _with_far_leaves(canvas, picture, leaves, heart)
    spots = _spots(canvas, heart)
    for _ in range(NEAR_LEAVES if spots else 2 * NEAR_LEAVES):
        size = canvas.between(220, 400) * canvas.unit
        _lay_leaf(canvas, picture, leaves, _around(canvas, heart, 0.52), heart, size)
    for spot in spots:
        for _ in range(2):
            root = _around(canvas, spot.place, 0.04)
            _lay_leaf(canvas, picture, leaves, root, spot.place, spot.size * 1.1)
    flowers = [plants.blossom(canvas, colour) for colour in _petal_colours(canvas)] if spots else []
    for spot in spots:
        flower = _scaled(canvas.rng.choice(flowers), spot.size)
        _lay(canvas, picture, *plants.turned(flower, spot.place, canvas.between(0, math.tau), 0))
    return picture


def _ground(canvas: Canvas, dark: bool) -> Image.Image:
    palette = canvas.palette
    lamp = canvas.width * 0.35, canvas.height * 0.25
    spot = glow(canvas.size, lamp, 700 * canvas.unit)
    if dark:
        return painted(
            spot,
            [(0, relit(palette.shadow, by=-0.03)), (1, mix(palette.shadow, palette.deep, 0.7))],
        )
    base = mix(palette.light, palette.glow, 0.5)
    edge = relit(mix(base, palette.mid, 0.2), by=-0.06)
    return painted(spot, [(0, edge), (0.5, base), (1, mix(base, WHITE, 0.4))])


def _greens(canvas: Canvas, dark: bool) -> list[Colour]:
    """The colours of leaves in this palette."""
    palette = canvas.palette
    if dark:
        return [
            mix(palette.shadow, palette.deep, 0.65),
            palette.deep,
            mix(palette.deep, palette.mid, 0.45),
            mix(palette.deep, palette.mid, 0.85),
        ]
    return [
        mix(palette.deep, palette.mid, 0.2),
        mix(palette.deep, palette.mid, 0.6),
        palette.mid,
        mix(palette.mid, palette.light, 0.45),
    ]


def _petal_colours(canvas: Canvas) -> list[Colour]:
    palette = canvas.palette
    white = mix(palette.glow, WHITE, 0.4)
    if canvas.named:
        return [palette.mid, palette.accent, white]
    pale = mix(palette.accent, palette.light, 0.5), mix(palette.mid, palette.light, 0.6)
    return [palette.accent, *canvas.rng.sample([white, *pale], 2)]


def _with_far_leaves(
    canvas: Canvas, picture: Image.Image, leaves: list[Image.Image], heart: Point
) -> Image.Image:
    """Large leaves, out of focus and faint, painted at a quarter of the size."""
    factor = 4
    small = picture.reduce(factor)
    for _ in range(FAR_LEAVES):
        root = _around(canvas, heart, 0.75)
        size = canvas.between(320, 500) * canvas.unit / factor
        sprite = _scaled(canvas.rng.choice(leaves), size)
        at = root[0] / factor, root[1] / factor
        leaf, corner = plants.turned(sprite, at, _outwards(canvas, root, heart), size / 2)
        small.paste(leaf, corner, leaf)
    blurred = soft(small, 1.4 * canvas.unit)
    blurred = blurred.resize(picture.size, Image.Resampling.BICUBIC)
    return Image.blend(blurred, picture, 0.4)


def _lay_leaf(
    canvas: Canvas,
    picture: Image.Image,
    leaves: list[Image.Image],
    root: Point,
    centre: Point,
    size: float,
) -> None:
    """A leaf that points away from a centre, with its shadow."""
    sprite = _scaled(canvas.rng.choice(leaves), size)
    leaf, corner = plants.turned(sprite, root, _outwards(canvas, root, centre), size / 2)
    _lay(canvas, picture, leaf, corner)


def _lay(
    canvas: Canvas, picture: Image.Image, sprite: Image.Image, corner: tuple[int, int]
) -> None:
    """Paste a sprite with a soft shadow to its lower right."""
    radius = 12 * canvas.unit
    margin, away = round(radius * 2), round(radius * 0.7)
    alpha = sprite.getchannel("A")
    around = Image.new("L", (sprite.width + 2 * margin, sprite.height + 2 * margin))
    around.paste(alpha, (margin, margin))
    ink = mix(canvas.palette.shadow, BLACK, 0.4)
    below = corner[0] - margin + away, corner[1] - margin + away
    picture.paste(ink, below, faded(soft(around, radius), 0.55))
    picture.paste(sprite, corner, alpha)


def _scaled(sprite: Image.Image, length: float) -> Image.Image:
    scale = length / sprite.width
    size = max(1, round(length)), max(1, round(sprite.height * scale))
    return sprite.resize(size, Image.Resampling.BICUBIC)


def _outwards(canvas: Canvas, root: Point, centre: Point) -> float:
    """Roughly away from a centre, in radians."""
    away = math.atan2(root[1] - centre[1], root[0] - centre[0])
    return away + canvas.between(-0.7, 0.7)


def _around(canvas: Canvas, centre: Point, reach: float) -> Point:
    """A place near a centre, evenly spread; `reach` is a share of width and height."""
    angle, share = canvas.between(0, math.tau), canvas.rng.random() ** 0.5 * reach
    return (
        centre[0] + math.cos(angle) * share * canvas.width,
        centre[1] + math.sin(angle) * share * canvas.height,
    )


def _spots(canvas: Canvas, heart: Point) -> list[Spot]:
    """Places for flowers that hardly touch, the largest last, so that it lies on top."""
    wanted = canvas.rng.randint(4, 7)
    if "leaf" in canvas.motifs and "flower" not in canvas.motifs:
        wanted = 0
    spots: list[Spot] = []
    for n in range(wanted):
        size = (canvas.between(250, 350) if n < 2 else canvas.between(130, 230)) * canvas.unit
        for _ in range(40):
            place = _around(canvas, heart, 0.36)
            if all(math.dist(place, other.place) > (size + other.size) * 0.48 for other in spots):
                spots.append(Spot(place, size))
                break
    return sorted(spots, key=lambda spot: spot.size)
