"""Random fields: clouds, rolling ground, a plane in perspective, and warping."""

import math
from collections.abc import Sequence
from random import Random
from typing import cast

from PIL import Image

from generations.providers.demo_pictures.fields import (
    Field,
    Size,
    columns,
    combine,
    constant,
    rows,
    total,
)

# How many plane waves make one octave of `rolling`.
WAVES = 7

# Octaves whose spots are wider than this many pixels are computed on a copy a quarter the size.
COARSE = 48


def noise(
    rng: Random,
    size: Size,
    cell: float | tuple[float, float],
    octaves: int = 1,
    gain: float = 0.5,
) -> Field:
    """Clouds from 0 to 1 with spots `cell` pixels wide (or wide and high).

    In each further octave the spots are half as big, and count for `gain` times as much.
    """
    wide, high = cell if isinstance(cell, tuple) else (cell, cell)
    whole = sum(gain**n for n in range(octaves))
    small = math.ceil(size[0] / 4), math.ceil(size[1] / 4)
    coarse: list[Field] = []
    fine: list[Field] = []
    for n in range(octaves):
        cells = size[0] * 2**n / wide, size[1] * 2**n / high
        is_coarse = min(wide, high) / 2**n >= COARSE
        layer = _value_noise(rng, small if is_coarse else size, cells)
        (coarse if is_coarse else fine).append(layer * (gain**n / whole))
    if coarse:
        fine.append(Field(total(coarse).image.resize(size, Image.Resampling.BICUBIC)))
    return total(fine)


def _value_noise(rng: Random, size: Size, cells: tuple[float, float]) -> Field:
    """A curved surface through random heights, `cells` of them across and down."""
    grid = math.ceil(cells[0]) + 4, math.ceil(cells[1]) + 4
    heights = _random_grid(rng, grid)
    # The margin is never the same twice, because octaves must not share their grid lines.
    left, top = 1 + rng.random(), 1 + rng.random()
    box = left, top, left + cells[0], top + cells[1]
    return Field(heights.resize(size, Image.Resampling.BICUBIC, box))


def _random_grid(rng: Random, grid: Size) -> Image.Image:
    values = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1]))
    return values.convert("F").point(lambda value: value * (1 / 255) + 0)


def rolling(rng: Random, size: Size, cell: float, octaves: int = 1, gain: float = 0.5) -> Field:
    """Clouds like `noise`, softer and without its grid: plane waves from all directions.

    They are summed on a small copy, which is enlarged once.
    """
    spacing = max(1.0, cell / 2 ** (octaves - 1) / 6)
    small = math.ceil(size[0] / spacing) + 4, math.ceil(size[1] / spacing) + 4
    whole = sum(gain**n for n in range(octaves))
    field = constant(small, 0.5)
    for n in range(octaves):
        loudness = 0.21 * gain**n / whole
        for direction in range(WAVES):
            angle = (direction + rng.random()) * math.pi / WAVES
            turn = spacing * 2**n / cell * rng.uniform(0.3, 0.62) * math.tau
            field = field + _plane_wave(small, turn, angle, rng.uniform(0, math.tau)) * loudness
    box = 2, 2, 2 + size[0] / spacing, 2 + size[1] / spacing
    return Field(field.image.resize(size, Image.Resampling.BICUBIC, box))


def _plane_wave(size: Size, turn: float, angle: float, phase: float) -> Field:
    """cos(ax + by + phase), put together from one wave along each axis."""
    along = [x * turn * math.cos(angle) + phase for x in range(size[0])]
    beside = [y * turn * math.sin(angle) for y in range(size[1])]
    return combine(
        lambda a, b, c, d: a * b - c * d,
        columns(size, [math.cos(value) for value in along]),
        rows(size, [math.cos(value) for value in beside]),
        columns(size, [math.sin(value) for value in along]),
        rows(size, [math.sin(value) for value in beside]),
    )


def receding(rng: Random, size: Size, cell: float, octaves: int = 1) -> Field:
    """Clouds on a plane that runs from the top edge, far away, to the bottom edge.

    A spot is `cell` pixels wide at the bottom. Each row is read from one grid at its own scale, and
    Pillow averages if many spots fall into one pixel.
    """
    whole = sum(0.5**n for n in range(octaves))
    return total([_receding(rng, size, cell / 2**n) * (0.5**n / whole) for n in range(octaves)])


def _receding(rng: Random, size: Size, spot: float) -> Field:
    width, height = size
    grid = 900, 600
    heights = _random_grid(rng, grid)
    field = Image.new("F", size)
    # The rows between the horizon and the top edge; without them the first row would be infinitely
    # far.
    above = 0.06 * height
    for y in range(height):
        near = (y + above) / (height + above)
        cells = min(grid[0] - 2.0, width / spot / near)
        far = 1.5 * height / spot / near
        seen = min(max(0.02, far / (y + above)), 50)
        left, top = (grid[0] - cells) / 2, far % (grid[1] - 60)
        row = heights.resize(
            (width, 1), Image.Resampling.BILINEAR, (left, top, left + cells, top + seen)
        )
        field.paste(row, (0, y))
    return Field(field)


def warped(source: Field, aside: Field, along: Field, *, reach: float, step: int) -> Field:
    """Take each pixel from elsewhere in `source`.

    `aside` says how far across, `along` how far down. Both have values from 0 to 1, which
    stand for distances from -`reach` to `reach` pixels, and are read on a grid of `step` pixels.
    `source` has a margin of `reach` pixels on all four sides.
    """
    width, height = aside.size
    grid = width // step + 2, height // step + 2
    mesh = _mesh(_read_on(grid, aside, reach), _read_on(grid, along, reach), grid, step)
    out = (grid[0] - 1) * step, (grid[1] - 1) * step
    bent = source.image.transform(out, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    return Field(bent.crop((0, 0, width, height)))


def _read_on(grid: Size, pull: Field, reach: float) -> Sequence[float]:
    """The distance that each point of a grid moves, and the margin, together in pixels."""
    pixels = (pull.clamped() * (2 * reach)).image.resize(grid, Image.Resampling.BILINEAR)
    return cast(Sequence[float], pixels.get_flattened_data())


def _mesh(
    aside: Sequence[float], along: Sequence[float], grid: Size, step: int
) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Squares of the warped picture, and the corners in the source that each is taken from."""

    def corner(i: int, j: int) -> tuple[float, float]:
        n = j * grid[0] + i
        return i * step + aside[n], j * step + along[n]

    return [
        (
            (i * step, j * step, (i + 1) * step, (j + 1) * step),
            corner(i, j) + corner(i, j + 1) + corner(i + 1, j + 1) + corner(i + 1, j),
        )
        for j in range(grid[1] - 1)
        for i in range(grid[0] - 1)
    ]
