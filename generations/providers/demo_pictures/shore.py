"""A beach from above: deep water, shallows, lace of foam, wet and dry sand."""

import math
from typing import NamedTuple

from PIL import Image

from generations.providers.demo_pictures.canvas import Canvas, laid_over, lit, shaded
from generations.providers.demo_pictures.colour import WHITE, Colour, mix, painted, relit
from generations.providers.demo_pictures.fields import Field, combine, slanted
from generations.providers.demo_pictures.textures import noise, rolling

SAND: Colour = (236, 214, 180)


class Surf(NamedTuple):
    """One line of foam: how far out it is, how wide its lace, how much of it is white."""

    out: float
    wide: float
    white: float


SURF = (Surf(0.01, 0.022, 1.0), Surf(0.1, 0.05, 0.62), Surf(0.23, 0.05, 0.42))


def paint(canvas: Canvas) -> Image.Image:
    # Negative at sea, positive on land, 1 for a thousand units.
    inland = slanted(canvas.size, canvas.unit, canvas.between(0, math.tau))
    coast = rolling(canvas.rng, canvas.size, 480 * canvas.unit, 3, 0.42) - 0.5
    swash = noise(canvas.rng, canvas.size, 120 * canvas.unit, 3) - 0.5
    offset = canvas.between(-0.12, 0.06)
    edge = combine(lambda i, c, s: i + c * 0.3 + s * 0.07 + offset, inland, coast, swash)
    sand = mix(mix(canvas.palette.light, canvas.palette.glow, 0.45), SAND, 0.35)
    if canvas.night:
        sand = mix(sand, canvas.palette.deep, 0.6)
    picture = _ground(canvas, edge, sand)
    picture = _with_dunes(canvas, picture, edge, sand)
    picture = _with_sunlight(canvas, picture, edge)
    return _with_foam(canvas, picture, edge)


def _ground(canvas: Canvas, edge: Field, sand: Colour) -> Image.Image:
    palette = canvas.palette
    shallows = mix(palette.light, palette.mid, 0.45)
    wet = relit(mix(sand, palette.mid, 0.35), by=-0.1)
    grain = noise(canvas.rng, canvas.size, 4 * canvas.unit) - 0.5
    height = combine(lambda edge, grain: edge * 0.62 + 0.5 + grain * 0.012, edge, grain)
    stops = [
        (0, mix(palette.deep, palette.shadow, 0.45)),
        (0.2, palette.deep),
        (0.36, palette.mid),
        (0.455, shallows),
        (0.5, mix(shallows, WHITE, 0.4)),
        (0.515, wet),
        (0.57, mix(wet, sand, 0.5)),
        (0.66, sand),
        (1, mix(sand, WHITE, 0.25)),
    ]
    return painted(height, stops)


def _with_dunes(canvas: Canvas, picture: Image.Image, edge: Field, sand: Colour) -> Image.Image:
    unit = canvas.unit
    right, below = noise(canvas.rng, canvas.size, (90 * unit, 60 * unit), 3).slopes()
    shade = (right + below).clamped() * edge.smoothstep(0.08, 0.2) * (3.6 * unit)
    return shaded(picture, shade, relit(sand, by=-0.2))


def _with_sunlight(canvas: Canvas, picture: Image.Image, edge: Field) -> Image.Image:
    """The net of light that small waves throw on the ground of shallow water."""
    net = _net(canvas, 38, 2, 5) ** 4
    shallow = edge.smoothstep(0, -0.07) * edge.smoothstep(-0.5, -0.02)
    return lit(picture, net * shallow, WHITE, 0.35)


def _with_foam(canvas: Canvas, picture: Image.Image, edge: Field) -> Image.Image:
    """Lines of foam: a closed crest towards the land, lace that thins out behind it."""
    lace = _net(canvas, 19, 3, 3.2) ** 2
    sway = noise(canvas.rng, canvas.size, 200 * canvas.unit, 2) - 0.5
    first, *others = [_line(edge, sway * (-1) ** n, lace, surf) for n, surf in enumerate(SURF)]
    clear = 1 - first
    for line in others:
        clear = clear * (1 - line)
    foam = 1 - clear
    palette, unit = canvas.palette, canvas.unit
    shadow = foam.moved(3 * unit, 5 * unit) * 0.35
    picture = shaded(picture, shadow, mix(palette.deep, palette.mid, 0.5))
    return laid_over(picture, mix(WHITE, palette.glow, 0.12), foam.mask())


def _line(edge: Field, sway: Field, lace: Field, surf: Surf) -> Field:
    beyond = combine(lambda edge, sway: edge + sway * 0.07 + surf.out, edge, sway)
    return combine(
        lambda front, tail, crest, lace: front * (tail * lace * 1.25 + crest * 0.9) * surf.white,
        beyond.smoothstep(surf.wide * 0.28, 0),
        beyond.smoothstep(-surf.wide * 2.6, -surf.wide * 0.1),
        beyond.smoothstep(-surf.wide * 0.5, surf.wide * 0.05),
        lace,
    ).clamped()


def _net(canvas: Canvas, cell: float, octaves: int, thin: float) -> Field:
    """Bright threads where two clouds are equal; `cell` in units."""
    one, other = (
        noise(canvas.rng, canvas.size, cell * factor * canvas.unit, octaves, 0.55)
        for factor in (1.15, 0.85)
    )
    return combine(lambda a, b: 1 - abs(a - b) * thin, one, other).clamped()
