"""The sky over mountains and sea: a sun in haze, or a moon among stars."""

from dataclasses import dataclass

from PIL import Image

from generations.providers.demo_pictures.canvas import Canvas, Point, laid_over, lit
from generations.providers.demo_pictures.colour import WHITE, Colour, mix, painted
from generations.providers.demo_pictures.fields import Field, distance, down, glow
from generations.providers.demo_pictures.textures import noise


@dataclass(frozen=True)
class Sky:
    """Where the land or the sea begins and where the light stands, in pixels."""

    horizon: float
    light: Point


def paint(canvas: Canvas, horizon: float, height: float) -> tuple[Image.Image, Sky]:
    """A sky down to `horizon` with its light about `height` above it, in pixels."""
    light = canvas.width * canvas.between(0.2, 0.8), horizon - height
    if not canvas.night:
        return _day(canvas, horizon, light), Sky(horizon, light)
    light = light[0], light[1] * canvas.between(0.35, 0.75)
    return _night(canvas, horizon, light), Sky(horizon, light)


def _day(canvas: Canvas, horizon: float, sun: Point) -> Image.Image:
    palette, unit = canvas.palette, canvas.unit
    high, clouds = _air(canvas, horizon)
    stops = [
        (0, mix(palette.deep, palette.mid, 0.25)),
        (0.42, mix(palette.mid, palette.light, 0.25)),
        (0.78, palette.light),
        (1, palette.glow),
    ]
    picture = painted(high + (clouds - 0.5) * 0.16, stops)
    veil = clouds.smoothstep(0.42, 0.8) * (1.0 - high).clamped() * 0.75
    picture = laid_over(picture, mix(palette.mid, palette.deep, 0.3), veil.mask())
    warm = mix(palette.glow, palette.accent, 0.35)
    picture = lit(picture, glow(canvas.size, sun, 150 * unit), warm, 0.75)
    return _disc(canvas, picture, sun, canvas.between(36, 64) * unit, palette.glow)


def _night(canvas: Canvas, horizon: float, moon: Point) -> Image.Image:
    palette, unit = canvas.palette, canvas.unit
    high, clouds = _air(canvas, horizon)
    stops = [(0, palette.shadow), (0.45, palette.deep), (1, mix(palette.deep, palette.mid, 0.7))]
    picture = painted(high + (clouds - 0.5) * 0.16, stops)
    picture = lit(picture, _stars(canvas, horizon), palette.glow)
    veil = clouds.smoothstep(0.42, 0.8) * high.clamped()
    picture = lit(picture, veil, mix(palette.mid, palette.light, 0.4), 0.35)
    picture = lit(picture, glow(canvas.size, moon, 130 * unit), palette.light, 0.3)
    return _disc(canvas, picture, moon, canvas.between(26, 40) * unit, palette.light)


def _air(canvas: Canvas, horizon: float) -> tuple[Field, Field]:
    """How far down the sky each pixel is (1 a little below the horizon), and the clouds."""
    high = down(canvas.size, 0, canvas.height / (horizon * 1.2))
    cell = 420 * canvas.unit, 120 * canvas.unit
    return high, noise(canvas.rng, canvas.size, cell, 4, 0.55)


def _disc(
    canvas: Canvas, picture: Image.Image, centre: Point, radius: float, colour: Colour
) -> Image.Image:
    pale = mix(colour, WHITE, 0.75)
    edge = 1.5 / radius
    disc = distance(canvas.size, centre, radius).smoothstep(1 + edge, 1 - edge)
    picture = laid_over(picture, pale, disc.mask())
    return lit(picture, glow(canvas.size, centre, radius * 0.9) ** 2, pale, 0.8)


def _stars(canvas: Canvas, horizon: float) -> Field:
    light = Image.new("L", canvas.size)
    for _ in range(300):
        place = canvas.rng.randrange(canvas.width), int(canvas.rng.random() ** 1.5 * horizon)
        light.putpixel(place, int(255 * canvas.rng.random() ** 2))
    return Field.of_mask(light)
