"""Colours: mixing them as the eye does, and painting fields with ramps of them."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter

from PIL import Image

from generations.providers.demo_pictures.fields import Field

Colour = tuple[int, int, int]
# Colours at places from 0 to 1, in rising order.
Stops = Sequence[tuple[float, Colour]]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

# A palette has 256 entries, so `painted_finely` cuts the field into this many parts, each with its
# own palette.
PARTS = 4


def from_hex(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def to_hex(colour: Colour) -> str:
    return "{:02x}{:02x}{:02x}".format(*colour)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`share` of the way from `a` to `b` in OKLab, where a half also looks like a half."""
    share = min(1.0, max(0.0, share))
    first, last = _oklab(a), _oklab(b)
    return _from_oklab([p + (q - p) * share for p, q in zip(first, last, strict=True)])


def lightness(colour: Colour) -> float:
    """How light a colour looks, from 0 (black) to 1 (white)."""
    return _oklab(colour)[0]


def vividness(colour: Colour) -> float:
    """How far a colour is from grey: 0 for grey, about 0.3 for the most vivid."""
    _, a, b = _oklab(colour)
    return float((a * a + b * b) ** 0.5)


def relit(colour: Colour, *, by: float = 0.0, saturation: float = 1.0) -> Colour:
    """The same hue, lighter or darker by a share of the whole scale, and more or less vivid."""
    light, a, b = _oklab(colour)
    return _from_oklab((min(1.0, max(0.0, light + by)), a * saturation, b * saturation))


def blended(colours: Sequence[Colour], place: float) -> Colour:
    """The colour at `place` (0 to 1) on a ramp of evenly spaced colours."""
    last = len(colours) - 1
    return _between([(n / last, colour) for n, colour in enumerate(colours)], place)


def painted(field: Field, stops: Stops) -> Image.Image:
    """The field in colours: each number gets the colour at its place."""
    image = field.mask()
    image.putpalette(bytes(value for n in range(256) for value in _between(stops, n / 255)))
    return image.convert("RGB")


def painted_finely(field: Field, stops: Stops) -> Image.Image:
    """Like `painted`, with more steps: for stripes so thin that 256 steps would be visible."""
    picture = Image.new("RGB", field.size)
    for part in range(PARTS):
        section = field * PARTS - part
        inside = [(place * PARTS - part, colour) for place, colour in stops]
        reached = (section * 1e6 + 0.5).mask()
        picture.paste(painted(section, inside), (0, 0), reached)
    return picture


def _between(stops: Stops, place: float) -> Colour:
    after = bisect_right(stops, place, key=itemgetter(0))
    below, above = stops[max(0, after - 1)], stops[min(after, len(stops) - 1)]
    gap = above[0] - below[0]
    return mix(below[1], above[1], (place - below[0]) / gap) if gap > 0 else below[1]


@lru_cache(maxsize=4096)
def _oklab(colour: Colour) -> tuple[float, float, float]:
    """sRGB to OKLab; constants from https://bottosson.github.io/posts/oklab/ (2020-12-23)."""
    red, green, blue = (_linear_light(value / 255) for value in colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lab: Sequence[float]) -> Colour:
    light, a, b = lab
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _display_value(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _display_value(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _display_value(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _linear_light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _display_value(value: float) -> int:
    value = min(1.0, max(0.0, value))
    value = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(value * 255)
