"""What a scene paints with, and the drawing functions that all scenes share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from generations.providers.demo_pictures.colour import Colour
from generations.providers.demo_pictures.fields import Field, Size

Point = tuple[float, float]
Outline = Sequence[Point]

# Outlines are drawn this many times larger and then reduced, so that their edges are smooth.
FINER = 2


@dataclass(frozen=True)
class Palette:
    """Colours by their part in a picture: four from dark to light, the light itself, a contrast."""

    shadow: Colour
    deep: Colour
    mid: Colour
    light: Colour
    glow: Colour
    accent: Colour


@dataclass(frozen=True)
class Canvas:
    """Everything a scene may know: size in pixels, colours, the prompt's wishes, random numbers.

    `night` says that the prompt asks for darkness, `named` that it named the colours. `motifs` are
    the things in the prompt, as `vocabulary.MOTIF_WORDS` calls them.
    """

    size: Size
    palette: Palette
    rng: Random
    night: bool = False
    named: bool = False
    motifs: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return self.size[0]

    @property
    def height(self) -> int:
        return self.size[1]

    @property
    def unit(self) -> float:
        """A thousandth of the side of a square of the same area, in pixels."""
        return float((self.width * self.height) ** 0.5 / 1000)

    def between(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share


def shape(size: Size, outlines: Iterable[Outline]) -> Image.Image:
    """A mask with smooth edges: white inside the closed outlines."""
    large = Image.new("L", (size[0] * FINER, size[1] * FINER))
    draw = ImageDraw.Draw(large)
    for outline in outlines:
        draw.polygon([(x * FINER, y * FINER) for x, y in outline], fill=255)
    return large.reduce(FINER)


def laid_over(below: Image.Image, above: Image.Image | Colour, mask: Image.Image) -> Image.Image:
    if isinstance(above, tuple):
        above = Image.new("RGB", below.size, above)
    return Image.composite(above, below, mask)


def lit(image: Image.Image, light: Field, colour: Colour, strength: float = 1.0) -> Image.Image:
    """Light of one colour added where the field is bright, as the light of two lamps adds up."""
    table = [255 - (255 - value) * (255 - add) // 255 for add in colour for value in range(256)]
    return Image.composite(image.point(table), image, (light * strength).mask())


def shaded(image: Image.Image, shade: Field, colour: Colour) -> Image.Image:
    """The picture seen through a filter of one colour, full where the field is 1."""
    table = [value * tint // 255 for tint in colour for value in range(256)]
    return Image.composite(image.point(table), image, shade.mask())


def soft(image: Image.Image, radius: float) -> Image.Image:
    """A Gaussian blur; a wide one is computed on a small copy, where no difference is visible."""
    factor = max(1, int(radius / 3))
    if factor == 1:
        return image.filter(ImageFilter.GaussianBlur(radius))
    small = image.reduce(factor).filter(ImageFilter.GaussianBlur(radius / factor))
    return small.resize(image.size, Image.Resampling.BILINEAR)


def faded(mask: Image.Image, strength: float) -> Image.Image:
    return mask.point(lambda value: value * strength)


def thrown(mask: Image.Image, dx: float, dy: float, radius: float) -> Image.Image:
    """The shadow that a shape throws on what lies behind it: moved and blurred, in pixels."""
    moved = Image.new("L", mask.size)
    moved.paste(mask, (round(dx), round(dy)))
    return soft(moved, radius)


def bloom(image: Image.Image, radius: float, strength: float) -> Image.Image:
    """Bright parts glow into their surroundings, as in a lens."""
    bright = image.point(lambda value: max(0, value - 96) * 1.6 * strength)
    return ImageChops.screen(image, soft(bright, radius))
