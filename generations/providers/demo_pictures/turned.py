"""Bodies turned on a lathe: spheres, vases, bottles, bowls and plinths, shaded pixel by pixel."""

from dataclasses import dataclass, replace
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFilter

from generations.providers.demo_pictures.canvas import FINER, Point
from generations.providers.demo_pictures.colour import WHITE, Colour, Stops, mix, painted, relit
from generations.providers.demo_pictures.fields import Field, Size, across, combine, down, rows

# The light comes from the front, at the upper left; HALFWAY lies between it and the eye.
LIGHT = (-0.52, -0.62, 0.58)
HALFWAY = (-0.30, -0.38, 0.87)

# The eye looks down a little, so a circle on the table is an ellipse this flat.
FLATNESS = 0.26


@dataclass(frozen=True)
class Profile:
    """Half widths from top to bottom as shares of the radius, and the height relative to it."""

    widths: tuple[float, ...]
    tall: float
    hollow: bool = True


PROFILES = {
    "bottle": Profile(
        (0.19, 0.2, 0.17, 0.17, 0.18, 0.2, 0.3, 0.56, 0.82, 0.96, 1, 1, 1, 1, 1, 1, 1, 0.98, 0.92),
        3.6,
    ),
    "vase": Profile(
        (0.44, 0.39, 0.36, 0.37, 0.46, 0.62, 0.8, 0.93, 1, 0.99, 0.92, 0.82, 0.71, 0.6, 0.52, 0.5),
        2.6,
    ),
    "jug": Profile((0.5, 0.45, 0.42, 0.42, 0.47, 0.6, 0.78, 0.92, 1, 1, 0.96, 0.86, 0.74), 2.3),
    "bowl": Profile((1, 1, 0.99, 0.97, 0.93, 0.87, 0.79, 0.68, 0.54, 0.44, 0.44), 0.95),
    "cup": Profile((1, 0.985, 0.98, 0.98, 0.98, 0.97, 0.95, 0.9, 0.8, 0.62, 0.6), 1.45),
    "pot": Profile((0.42, 0.55, 0.75, 0.9, 0.98, 1, 0.98, 0.92, 0.82, 0.68, 0.56), 1.5),
    "lid": Profile((0.1, 0.36, 0.6, 0.8, 0.94, 1), 0.42, hollow=False),
    "cone": Profile((0.02, 0.26, 0.51, 0.75, 1), 2.4, hollow=False),
    "plinth": Profile((1, 1), 0.9, hollow=False),
    "column": Profile((1, 1), 2.2, hollow=False),
}


@dataclass(frozen=True)
class Body:
    """One thing: the middle of its foot and its radius in pixels, its colour and its gloss."""

    kind: str
    x: float
    y: float
    radius: float
    colour: Colour
    gloss: float = 0.15

    @property
    def tall(self) -> float:
        return self.radius * (1.9 if self.kind == "sphere" else self._profile.tall)

    @property
    def foot(self) -> float:
        """Half the width of what touches the ground."""
        return self.radius * (0.5 if self.kind == "sphere" else self._profile.widths[-1])

    @property
    def _profile(self) -> Profile:
        return PROFILES["pot" if self.kind == "teapot" else self.kind]


def place(picture: Image.Image, body: Body, floor: Colour) -> None:
    """Paint a body over the picture; `floor` is the colour that the ground reflects onto it."""
    if body.kind == "sphere":
        _sphere(picture, body, floor)
    elif body.kind == "teapot":
        _teapot(picture, body, floor)
    elif body.kind == "cup":
        _cup(picture, body, floor)
    else:
        _turn(picture, body, floor)


def _sphere(picture: Image.Image, body: Body, floor: Colour) -> None:
    radius = body.radius
    left, top, side = int(body.x - radius) - 1, int(body.y - 1.9 * radius) - 1, int(2 * radius) + 4
    x, y = (body.x - left) / radius, (body.y - 0.9 * radius - top) / radius
    to_right = across((side, side), -x, side / radius - x)
    to_bottom = down((side, side), -y, side / radius - y)
    inside = combine(lambda x, y: 1 - x * x - y * y, to_right, to_bottom)
    skin = _skin(body, floor, to_right, to_bottom, inside.clamped() ** 0.5)
    picture.paste(skin, (left, top), (inside * (radius / 2) + 0.5).clamped().mask())


def _turn(picture: Image.Image, body: Body, floor: Colour) -> None:
    profile = PROFILES[body.kind]
    widths = [body.radius * width for width in profile.widths]
    lip, foot = widths[0] * FLATNESS, widths[-1] * FLATNESS
    left, top = int(body.x - body.radius) - 1, int(body.y - body.tall) - 1
    size = int(2 * body.radius) + 4, int(body.tall + foot) + 4
    half, slope = _contour(widths, body.tall, size)
    x = across(size, left - body.x, left - body.x + size[0])
    y = down(size, top - body.y, top - body.y + size[1])
    aside = (x / half).clamped(-1, 1)
    front = (1 - aside * aside).clamped() ** 0.5
    shrink = (1 + slope * slope) ** -0.5
    skin = _skin(body, floor, aside * shrink, -slope * shrink, front * shrink)
    edges = (
        combine(lambda half, x: half - abs(x) + 0.5, half, x),
        combine(lambda front, y: front * foot - y + 0.5, front, y),
        combine(lambda front, y: front * lip * 0.9 + y + body.tall, front, y),
    )
    mask = edges[0].clamped() * edges[1].clamped() * edges[2].clamped()
    picture.paste(skin, (left, top), mask.mask())
    _top(picture, body, widths[0], hollow=profile.hollow)


def _contour(widths: list[float], tall: float, size: Size) -> tuple[Field, Field]:
    """Half the width of a body at each row of pixels, and how fast it grows downwards."""
    levels = 64
    curve = [_along(widths, n / (levels - 1)) for n in range(levels)]
    steps = [(lower - upper) * (levels - 1) / tall for upper, lower in pairwise(curve)]
    # Below this line the foot rounds off and the width stays the same.
    below = round(levels * (size[1] - tall) / tall)
    half = rows(size, curve + curve[-1:] * below)
    return half, rows(size, [*steps, steps[-1], *([0.0] * below)])


def _along(values: list[float], share: float) -> float:
    """A smooth curve through values at equal distances (Catmull-Rom), read at a share of it."""
    place = share * (len(values) - 1)
    i = min(int(place), len(values) - 2)
    t = place - i
    a, b, c, d = (values[min(max(i + k, 0), len(values) - 1)] for k in (-1, 0, 1, 2))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def _skin(body: Body, floor: Colour, x: Field, y: Field, z: Field) -> Image.Image:
    """The surface in the studio's light; (x, y, z) is the direction it faces, of length 1."""
    tone = combine(
        lambda light, bounce, edge: 0.05 + light * 0.85 + bounce + edge * 0.1,
        ((_facing(x, y, z, LIGHT) + 0.35) / 1.35).clamped(),
        combine(lambda y, z: y * 0.16 * (1.2 - z), y, z).clamped(),
        (1 - z).clamped() ** 4,
    )
    shine = _facing(x, y, z, HALFWAY).clamped() ** 16
    light = combine(
        lambda wide, narrow: (wide * 0.35 + narrow * body.gloss) * body.gloss, shine, shine**4
    )
    skin = painted(tone, _glaze(body, floor))
    skin.paste(WHITE, (0, 0), light.mask())
    return skin


def _facing(x: Field, y: Field, z: Field, towards: tuple[float, float, float]) -> Field:
    """How much a surface faces a direction: 1 if straight at it, 0 if from the side."""
    a, b, c = towards
    return combine(lambda x, y, z: x * a + y * b + z * c, x, y, z)


def _glaze(body: Body, floor: Colour) -> Stops:
    """The body's colour from shade to light; shades take some of the floor's colour."""
    return [
        (0, relit(mix(relit(body.colour, by=-0.32), floor, 0.12), by=-0.06)),
        (0.3, mix(relit(body.colour, by=-0.15, saturation=1.08), floor, 0.06)),
        (0.62, body.colour),
        (1, mix(relit(body.colour, by=0.1), WHITE, 0.22)),
    ]


def _top(picture: Image.Image, body: Body, radius: float, *, hollow: bool) -> None:
    """The ellipse on top: the opening of a vessel with its rim, or the face of a plinth."""
    lip = radius * FLATNESS
    if lip < 2:
        return
    left, top = int(body.x - radius) - 1, int(body.y - body.tall - lip) - 1
    size = int(2 * radius) + 4, int(2 * lip) + 4
    x, y = (body.x - left) / radius, (body.y - body.tall - top) / lip
    to_right, to_bottom = across(size, -x, size[0] / radius - x), down(size, -y, size[1] / lip - y)
    square = combine(lambda x, y: x * x + y * y, to_right, to_bottom)
    face = painted(
        across(size, 0.9, 0.3),
        [(0, relit(body.colour, by=-0.08)), (1, relit(body.colour, by=0.13))],
    )
    picture.paste(face, (left, top), ((1 - square) * (lip / 2) + 0.5).clamped().mask())
    if hollow:
        thick = 1 - min(0.28, 0.06 + 3.2 / radius)
        inside = [(0, relit(body.colour, by=-0.36)), (1, relit(body.colour, by=-0.1))]
        hole = ((thick - square) * (lip / 2) + 0.5).clamped().mask()
        picture.paste(painted(across(size, 0, 1), inside), (left, top), hole)


def _teapot(picture: Image.Image, body: Body, floor: Colour) -> None:
    x, y, radius = body.x, body.y, body.radius
    pot = replace(body, kind="pot")
    lid = replace(body, kind="lid", y=y - pot.tall + radius * 0.03, radius=radius * 0.44)
    knob = replace(body, kind="sphere", y=lid.y - lid.tall * 0.9, radius=radius * 0.12)
    ear = [(0.8, -1.2), (1.75, -1.5), (1.75, -0.35), (0.85, -0.45)]
    spout = [(-0.75, -0.45), (-1.35, -0.5), (-1.2, -1.15), (-1.62, -1.42)]
    for curve, start, end in ((ear, 0.1, 0.075), (spout, 0.24, 0.09)):
        path = _bezier([(x + dx * radius, y + dy * radius) for dx, dy in curve])
        _tube(picture, body, floor, path, (start * radius, end * radius))
    for part in (pot, lid, knob):
        place(picture, part, floor)


def _cup(picture: Image.Image, body: Body, floor: Colour) -> None:
    curve = [(0.9, -1.2), (1.62, -1.25), (1.62, -0.4), (0.8, -0.42)]
    path = _bezier([(body.x + dx * body.radius, body.y + dy * body.radius) for dx, dy in curve])
    _tube(picture, body, floor, path, (0.1 * body.radius, 0.085 * body.radius))
    _turn(picture, body, floor)


def _bezier(controls: list[Point], count: int = 60) -> list[Point]:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = controls
    path = []
    for n in range(count + 1):
        t = n / count
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        path.append((a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy))
    return path


def _tube(
    picture: Image.Image, body: Body, floor: Colour, path: list[Point], ends: tuple[float, float]
) -> None:
    """A round tube along a path: ever thinner and lighter strokes, each nearer to the light."""
    margin = int(max(ends)) + 2
    left, top = (int(min(axis)) - margin for axis in zip(*path, strict=True))
    right, bottom = (int(max(axis)) + margin for axis in zip(*path, strict=True))
    size = (right - left) * FINER, (bottom - top) * FINER
    mask, tone = Image.new("L", size), Image.new("L", size, 20)
    steps = 10
    for step in range(steps):
        share = step / (steps - 1)
        for n, (x, y) in enumerate(path):
            full = (ends[0] + (ends[1] - ends[0]) * n / (len(path) - 1)) * FINER
            radius = full * (1 - 0.85 * share)
            cx = (x - left) * FINER - full * 0.3 * share
            cy = (y - top) * FINER - full * 0.42 * share
            box = cx - radius, cy - radius, cx + radius, cy + radius
            ImageDraw.Draw(tone).ellipse(box, fill=int(45 + 165 * share))
            if step == 0:
                ImageDraw.Draw(mask).ellipse(box, fill=255)
    tone = tone.filter(ImageFilter.GaussianBlur(max(ends) * 0.16 * FINER)).reduce(FINER)
    skin = painted(Field.of_mask(tone), _glaze(body, floor))
    picture.paste(skin, (left, top), mask.reduce(FINER))
