"""Mountain ranges behind one another, with haze between them, under a low sun or a moon."""

from itertools import pairwise

from PIL import Image

from generations.providers.demo_pictures import sky
from generations.providers.demo_pictures.canvas import Canvas, Point, shape
from generations.providers.demo_pictures.colour import Stops, mix, painted, relit
from generations.providers.demo_pictures.fields import Field, columns, combine, down, glow
from generations.providers.demo_pictures.sky import Sky
from generations.providers.demo_pictures.textures import noise


def paint(canvas: Canvas) -> Image.Image:
    horizon = canvas.height * canvas.between(0.36, 0.5)
    picture, over = sky.paint(canvas, horizon, canvas.height * canvas.between(0, 0.2))
    relief = _relief(canvas, over)
    count = canvas.rng.randint(5, 7)
    woods = canvas.rng.randint(1 if "forest" in canvas.motifs else 0, 2)
    for n in range(count):
        near = n / (count - 1)
        if n < count - woods:
            _add_range(canvas, picture, over, relief, near)
        else:
            _add_wood(canvas, picture, over, near)
    return picture


def _relief(canvas: Canvas, over: Sky) -> Field:
    """Light and shade on rock: positive where a slope faces the sun, about -1 to 1."""
    unit = canvas.unit
    heights = noise(canvas.rng, canvas.size, (150 * unit, 260 * unit), 5, 0.5)
    right, along = heights.slopes()
    side = 1 if over.light[0] < canvas.width / 2 else -1
    return (right * (side * 35 * unit) + along * (10 * unit)).clamped(-1, 1)


def _add_range(canvas: Canvas, picture: Image.Image, over: Sky, relief: Field, near: float) -> None:
    """Paint one range over the picture, from its skyline down; `near` goes from 0 to 1."""
    skyline = _skyline(canvas, over, near, rough=0.46 + 0.04 * near)
    top = max(0, int(min(skyline)) - 2)
    # The next range hides what lies farther down.
    bottom = canvas.height if near > 0.6 else min(canvas.height, int(top + canvas.height * 0.45))
    size = canvas.width, bottom - top
    below = combine(
        lambda y, line: y - line,
        down(size, 0, size[1]),
        columns(size, [line - top for line in skyline]),
    )
    depth = below / (canvas.height * (0.16 + 0.1 * near))
    start = canvas.rng.randrange(max(1, relief.size[1] - size[1] + 1))
    facets = relief.cropped((0, start, canvas.width, start + size[1]))
    towards = glow(size, (over.light[0], over.light[1] - top), 330 * canvas.unit)
    tone = combine(
        lambda depth, facets, towards, rim: (
            0.42
            + depth * 0.36
            + facets * (0.10 + 0.16 * near) * (1.15 - depth)
            + rim * (0.1 + towards * 0.4)
        ),
        depth.smoothstep(0, 1.2),
        facets,
        towards,
        (below / (9 * canvas.unit)).smoothstep(1, 0) * (1 - near),
    )
    mask = (below + 0.5).clamped().mask()
    picture.paste(painted(tone, _rock(canvas, near)), (0, top), mask)


def _rock(canvas: Canvas, near: float) -> Stops:
    """Shade, rock, haze and light of a range: the farther away, the more it looks like the sky."""
    palette = canvas.palette
    if canvas.night:
        far, air = mix(palette.mid, palette.deep, 0.35), mix(palette.mid, palette.light, 0.2)
    else:
        far, air = mix(palette.light, palette.mid, 0.6), mix(palette.light, palette.glow, 0.4)
    rock = mix(mix(far, palette.deep, near / 0.62), palette.shadow, (near - 0.62) / 0.38)
    haze = mix(rock, air, 0.12 + 0.6 * (1 - near))
    shade = mix(relit(rock, by=-0.07 - 0.05 * near), palette.shadow, 0.2 * near)
    light = mix(haze, palette.glow, 0.35 if canvas.night else 0.6)
    return [(0, shade), (0.42, rock), (0.78, haze), (1, light)]


def _add_wood(canvas: Canvas, picture: Image.Image, over: Sky, near: float) -> None:
    """Paint a hill full of firs over the picture."""
    ground = _skyline(canvas, over, near, rough=0.25, tall=0.07)
    step = canvas.width / (len(ground) - 1)
    tall = canvas.unit * (34 + 60 * near)
    firs = []
    x = -tall / 3
    while x < canvas.width + tall / 3:
        foot = ground[min(len(ground) - 1, max(0, int(x / step)))]
        firs.append(_fir(canvas, (x, foot + tall * 0.15), tall * canvas.between(0.55, 1.1)))
        x += tall * canvas.between(0.08, 0.32)
    hill = [(n * step, y) for n, y in enumerate(ground)]
    floor = canvas.height + 1
    mask = shape(canvas.size, [[(0, floor), *hill, (canvas.width, floor)], *firs])
    depth = down(canvas.size, -min(ground), canvas.height - min(ground)) / (canvas.height * 0.4)
    picture.paste(painted(depth * 0.3 + 0.3, _rock(canvas, near)), (0, 0), mask)


def _fir(canvas: Canvas, foot: Point, tall: float) -> list[Point]:
    """The outline of a fir: the lower a bough hangs, the farther it sticks out."""
    x, y = foot
    left: list[Point] = []
    right: list[Point] = []
    boughs = 9
    for n in range(1, boughs + 1):
        level = y - tall * (1 - n / boughs)
        reach = tall * 0.2 * (n / boughs) ** 0.85
        for side in (left, right):
            side.append((reach * canvas.between(0.75, 1.15), level))
            side.append((reach * 0.45, level - tall * 0.035))
    outline = [(x - out, level) for out, level in reversed(left)]
    return [*outline, (x, y - tall), *((x + out, level) for out, level in right)]


def _skyline(
    canvas: Canvas, over: Sky, near: float, rough: float, tall: float = 0.14
) -> list[float]:
    """The upper edge of a range in pixels, at equal steps from left to right."""
    land = canvas.height - over.horizon
    base = over.horizon + land * (0.04 + 0.84 * near**1.25)
    reach = canvas.height * tall * (0.85 + 0.35 * near)
    heights = folded_noise(canvas, canvas.between(300, 420) - 140 * near, rough)
    return [base - reach * (height - 0.35) for height in heights]


def folded_noise(canvas: Canvas, cell: float, rough: float) -> list[float]:
    """Heights of about 0 to 1.5; folding the noise at its middle gives sharp peaks."""
    spacing = 4
    count = int(canvas.width / canvas.unit / spacing)
    heights = [0.0] * count
    loudness = 1.0
    while cell > 8:
        knots = [canvas.rng.random() for _ in range(int(count * spacing / cell) + 3)]
        start = canvas.rng.random()
        pairs = list(pairwise(knots))
        for n in range(count):
            knot, share = divmod(n * spacing / cell + start, 1)
            left, right = pairs[int(knot)]
            value = left + (right - left) * share * share * (3 - 2 * share)
            heights[n] += loudness * (1 - abs(2 * value - 1))
        cell /= 2
        loudness *= rough
    return heights
