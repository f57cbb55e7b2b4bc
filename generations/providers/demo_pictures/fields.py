"""Pictures of numbers: one float per pixel, computed for all pixels at once in C.

Pillow's mode F and `ImageMath` replace an array library. All randomness comes from the
`random.Random` that is passed in. `Image.effect_noise` is not used, because it draws from the C
library's generator, which we cannot seed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from typing import Any, cast

from PIL import Image, ImageMath

Size = tuple[int, int]


class Field:
    """One float per pixel, by convention 0 to 1; operators work pixel by pixel."""

    __slots__ = ("image",)

    def __init__(self, image: Image.Image) -> None:
        self.image = image if image.mode == "F" else image.convert("F")

    @classmethod
    def of_mask(cls, mask: Image.Image) -> Field:
        """The numbers 0 to 1 of a grey picture."""
        return cls(mask) * (1 / 255)

    @property
    def size(self) -> Size:
        return self.image.size

    def __add__(self, other: Field | float) -> Field:
        if isinstance(other, Field):
            return combine(lambda a, b: a + b, self, other)
        return self._linear(1, other)

    def __sub__(self, other: Field | float) -> Field:
        if isinstance(other, Field):
            return combine(lambda a, b: a - b, self, other)
        return self._linear(1, -other)

    def __mul__(self, other: Field | float) -> Field:
        if isinstance(other, Field):
            return combine(lambda a, b: a * b, self, other)
        return self._linear(other, 0)

    def __truediv__(self, other: Field | float) -> Field:
        if isinstance(other, Field):
            return combine(lambda a, b: a / b, self, other)
        return self._linear(1 / other, 0)

    def __neg__(self) -> Field:
        return self._linear(-1, 0)

    def __radd__(self, other: float) -> Field:
        return self._linear(1, other)

    def __rsub__(self, other: float) -> Field:
        return self._linear(-1, other)

    def __rmul__(self, other: float) -> Field:
        return self._linear(other, 0)

    def __pow__(self, exponent: float) -> Field:
        """Raise to `exponent`; powers of two by squaring, which is much faster."""
        if exponent == 1:
            return self
        if exponent % 2 == 0:
            return (self * self) ** (exponent // 2)
        return combine(lambda a: a**exponent, self)

    def __abs__(self) -> Field:
        return combine(abs, self)

    def _linear(self, scale: float, offset: float) -> Field:
        return Field(self.image.point(lambda value: value * scale + offset))

    def clamped(self, lowest: float = 0.0, highest: float = 1.0) -> Field:
        image = ImageMath.lambda_eval(
            lambda names: names["min"](names["max"](names["a"], lowest), highest), a=self.image
        )
        return Field(image)

    def stretched(self) -> Field:
        """The field from 0 at its lowest pixel to 1 at its highest."""
        lowest, highest = cast(tuple[float, float], self.image.getextrema())
        return (self - lowest) / max(1e-6, highest - lowest)

    def smoothstep(self, start: float, end: float) -> Field:
        """0 up to `start`, 1 from `end` on, an S curve between; `end` may be the smaller one."""
        share = ((self - start) / (end - start)).clamped()
        return combine(lambda a: a * a * (3.0 - 2.0 * a), share)

    def wave(self) -> Field:
        """A smooth wave, 1 at every whole number of the field and 0 halfway between."""
        # The remainder has the sign of the number, so all numbers are made positive first.
        return combine(lambda a: abs(2.0 * ((a + 64.0) % 1.0) - 1.0), self).smoothstep(0, 1)

    def moved(self, dx: float, dy: float) -> Field:
        """The field moved right and down by whole pixels; the gap keeps its old numbers."""
        moved = self.image.copy()
        moved.paste(self.image, (round(dx), round(dy)))
        return Field(moved)

    def slopes(self) -> tuple[Field, Field]:
        """How far the field rises to the right and downwards, over two pixels."""
        return self.moved(-1, 0) - self.moved(1, 0), self.moved(0, -1) - self.moved(0, 1)

    def cropped(self, box: tuple[int, int, int, int]) -> Field:
        return Field(self.image.crop(box))

    def mask(self) -> Image.Image:
        """The field as a grey picture: black for 0 and less, white for 1 and more."""
        return (self * 255 + 0.5).clamped(0, 255).image.convert("L")


def combine(expression: Callable[..., Any], *fields: Field) -> Field:
    """Evaluate `expression` for every pixel of the fields, which are its arguments in order."""
    names = [f"field{n}" for n in range(len(fields))]
    images = {name: field.image for name, field in zip(names, fields, strict=True)}
    return Field(
        ImageMath.lambda_eval(lambda values: expression(*(values[n] for n in names)), **images)
    )


def total(fields: Sequence[Field]) -> Field:
    return combine(lambda *values: sum(values[1:], values[0]), *fields)


def constant(size: Size, value: float) -> Field:
    return Field(Image.new("F", size, value))


def across(size: Size, left: float = 0.0, right: float = 1.0) -> Field:
    """A straight ramp from the left edge to the right edge."""
    ends = _image((2, 1), (left, right))
    row = ends.resize((size[0], 1), Image.Resampling.BILINEAR, (0.5, 0, 1.5, 1))
    return Field(row.resize(size, Image.Resampling.NEAREST))


def down(size: Size, top: float = 0.0, bottom: float = 1.0) -> Field:
    """A straight ramp from the top edge to the bottom edge."""
    ends = _image((1, 2), (top, bottom))
    column = ends.resize((1, size[1]), Image.Resampling.BILINEAR, (0, 0.5, 1, 1.5))
    return Field(column.resize(size, Image.Resampling.NEAREST))


def columns(size: Size, values: Sequence[float]) -> Field:
    """A smooth curve through the values from left to right, the same in every row."""
    row = _image((len(values), 1), values).resize((size[0], 1), Image.Resampling.BICUBIC)
    return Field(row.resize(size, Image.Resampling.NEAREST))


def rows(size: Size, values: Sequence[float]) -> Field:
    """A smooth curve through the values from top to bottom, the same in every column."""
    column = _image((1, len(values)), values).resize((1, size[1]), Image.Resampling.BICUBIC)
    return Field(column.resize(size, Image.Resampling.NEAREST))


def _image(size: Size, values: Sequence[float]) -> Image.Image:
    return Image.frombytes("F", size, array("f", values).tobytes())


def slanted(size: Size, unit: float, angle: float) -> Field:
    """A straight ramp towards `angle` (radians), 0 in the middle, 1 more every 1000 units."""
    x, y = (math.cos(angle) * size[0], math.sin(angle) * size[1])
    x, y = x / (2000 * unit), y / (2000 * unit)
    return across(size, -x, x) + down(size, -y, y)


def distance(size: Size, centre: tuple[float, float], radius: float, flat: float = 1) -> Field:
    """Squared distance from a point: 1 on the circle of this radius in pixels.

    With `flat` below 1 it is an ellipse, that share of its width high.
    """
    (width, height), (x, y) = size, centre
    tall = radius * flat
    to_right = across(size, -x / radius, (width - x) / radius)
    to_bottom = down(size, -y / tall, (height - y) / tall)
    return combine(lambda x, y: x * x + y * y, to_right, to_bottom)


def glow(size: Size, centre: tuple[float, float], radius: float) -> Field:
    """Light around a point: 1 in the centre, a half at the radius, never quite dark."""
    # It is so smooth that a quarter of the size loses nothing.
    small = math.ceil(size[0] / 4), math.ceil(size[1] / 4)
    squared = distance(small, (centre[0] / 4, centre[1] / 4), radius / 4)
    light = combine(lambda a: 1.0 / (1.0 + a), squared)
    return Field(light.image.resize(size, Image.Resampling.BILINEAR))
