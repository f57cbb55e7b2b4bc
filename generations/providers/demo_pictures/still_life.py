"""Things on a table in a photographer's studio: sun through a window, long soft shadows."""

import math
from dataclasses import replace

from PIL import Image

from generations.providers.demo_pictures import plants, turned
from generations.providers.demo_pictures.canvas import (
    Canvas,
    Point,
    laid_over,
    lit,
    shaded,
    shape,
    soft,
)
from generations.providers.demo_pictures.colour import (
    WHITE,
    Colour,
    Stops,
    lightness,
    mix,
    painted,
    relit,
)
from generations.providers.demo_pictures.fields import Field, across, distance, down, glow
from generations.providers.demo_pictures.turned import Body

# The radius of each kind relative to the others.
SIZES = {
    "sphere": 1.0,
    "vase": 0.78,
    "bottle": 0.55,
    "bowl": 0.95,
    "jug": 0.8,
    "cup": 0.55,
    "plinth": 1.0,
    "column": 0.6,
    "cone": 0.75,
    "teapot": 0.95,
}

# What goes together if the prompt names nothing, and what goes with one named thing.
GROUPS = (
    ("sphere",),
    ("sphere", "plinth", "cone", "column"),
    ("vase", "jug", "bowl", "bottle"),
    ("vase", "sphere", "bowl", "plinth"),
)
COMPANY = {"teapot": ("cup", "cup", "bowl"), "sphere": ("sphere",)}
ANY_COMPANY = ("sphere", "bowl", "plinth", "cup")

HOLDS_BRANCHES = ("vase", "bottle", "jug")
GLOSSES = (0.15, 0.3, 0.7)


def paint(canvas: Canvas) -> Image.Image:
    wall, table = _surroundings(canvas)
    edge = canvas.height * canvas.between(0.58, 0.66)
    picture = _room(canvas, wall, table, edge)
    if canvas.chance(0.7):
        picture = _with_window(canvas, picture)
    bodies = _arrangement(canvas, edge, _colours(canvas, wall))
    for body in bodies:
        picture = _with_shadow(canvas, picture, body, table)
    for body in bodies:
        if body.kind in HOLDS_BRANCHES and canvas.chance(0.5):
            _add_branches(canvas, picture, body)
        turned.place(picture, body, table)
    return picture


def _surroundings(canvas: Canvas) -> tuple[Colour, Colour]:
    """The colours of wall and table, which are often the same."""
    palette = canvas.palette
    if canvas.night:
        wall = mix(palette.shadow, palette.deep, canvas.between(0.15, 0.5))
        return wall, relit(wall, by=canvas.rng.choice([-0.02, 0.03]))
    walls = (
        relit(mix(palette.light, palette.mid, 0.15), saturation=1.1),
        mix(palette.light, palette.mid, 0.45),
        mix(palette.glow, palette.light, 0.6),
        mix(palette.light, palette.accent, 0.35),
        mix(palette.mid, palette.deep, 0.3),
    )
    wall = canvas.rng.choice(walls[:3] if canvas.named else walls)
    tables = wall, wall, mix(wall, palette.glow, 0.55), mix(wall, palette.deep, 0.35)
    return wall, canvas.rng.choice(tables)


def _colours(canvas: Canvas, wall: Colour) -> list[Colour]:
    """Colours that stand out from the wall; a colour that the prompt names comes first."""
    palette = canvas.palette
    choices = [
        palette.deep,
        palette.light,
        mix(palette.glow, WHITE, 0.4),
        mix(palette.mid, palette.accent, 0.45),
        mix(palette.shadow, palette.deep, 0.6),
    ]
    clear = [colour for colour in choices if abs(lightness(colour) - lightness(wall)) > 0.09]
    canvas.rng.shuffle(clear)
    first = [palette.mid, palette.accent]
    if not canvas.named:
        canvas.rng.shuffle(first)
    return [*first, *clear]


def _room(canvas: Canvas, wall: Colour, table: Colour, edge: float) -> Image.Image:
    spot = glow(canvas.size, (canvas.width * 0.3, canvas.height * 0.2), 620 * canvas.unit)
    back = painted(spot * 0.95, _lighting(wall))
    front = painted(spot * 0.85 + down(canvas.size, -0.1, 0.22), _lighting(table))
    # One colour runs from the wall into the table without an edge.
    blend = (40 if wall == table else 1.2) * canvas.unit
    join = (down(canvas.size, 0, canvas.height) - edge) / blend
    return laid_over(back, front, join.smoothstep(-1, 1).mask())


def _lighting(colour: Colour) -> Stops:
    dark = relit(colour, by=-0.24, saturation=1.2)
    return [(0, dark), (0.6, colour), (1, relit(colour, by=0.07))]


def _with_window(canvas: Canvas, picture: Image.Image) -> Image.Image:
    """Slanted panes of sunlight, broken by the leaves of a plant outside the picture."""
    unit = canvas.unit
    left, top = canvas.width * canvas.between(0.2, 0.5), canvas.height * canvas.between(-0.1, 0.04)
    wide, tall, gap, slant = 230 * unit, 290 * unit, 24 * unit, canvas.between(0.1, 0.3)

    def fallen(x: float, y: float) -> Point:
        return left + x + y * slant * 0.6, top + y + x * slant

    panes = []
    for x in (0, wide + gap):
        for y in (0, tall + gap, 2 * (tall + gap)):
            corners = (x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall)
            panes.append([fallen(*corner) for corner in corners])
    light = shape(canvas.size, panes)
    root = left + canvas.between(300, 620) * unit, canvas.height * canvas.between(-0.1, 0.1)
    twigs = []
    for _ in range(5):
        long = canvas.between(350, 620) * unit
        twigs += plants.spray(canvas, root, canvas.between(0.9, 2.6), long)
    light.paste(0, (0, 0), shape(canvas.size, twigs))
    beam = Field.of_mask(soft(light, 7 * unit)) * down(canvas.size, 1.1, 0.45)
    return lit(picture, beam, mix(canvas.palette.glow, WHITE, 0.2), 0.2 if canvas.night else 0.42)


def _arrangement(canvas: Canvas, edge: float, colours: list[Colour]) -> list[Body]:
    """A large thing near the middle and others on both sides, sorted from back to front."""
    asked = tuple(kind for kind in canvas.motifs if kind in SIZES)
    kinds = asked or canvas.rng.choice(GROUPS)
    scale = min(canvas.width, canvas.height * 1.15) / 1000
    floor = canvas.height - edge
    hero = Body(
        kind=asked[0] if asked else canvas.rng.choice(kinds),
        x=canvas.width * canvas.between(0.42, 0.56),
        y=edge + floor * canvas.between(0.26, 0.38),
        radius=canvas.between(190, 225) * scale,
        colour=colours[0],
        gloss=canvas.rng.choice(GLOSSES),
    )
    hero = replace(hero, radius=hero.radius * SIZES[hero.kind])
    company = kinds if len(kinds) > 1 else COMPANY.get(hero.kind, (*kinds, *ANY_COMPANY))
    ends = {-1: hero.x - hero.radius, 1: hero.x + hero.radius}
    bodies = [hero]
    for n in range(canvas.rng.randint(2, 4)):
        kind = canvas.rng.choice(company)
        radius = canvas.between(75, 150) * scale * SIZES[kind]
        side = 1 if n % 2 else -1
        x = ends[side] + side * radius * canvas.between(0.55, 1.3)
        if radius * 0.8 < x < canvas.width - radius * 0.8:
            y = edge + floor * canvas.between(0.32, 0.7)
            colour = colours[(n + 1) % len(colours)]
            bodies.append(Body(kind, x, y, radius, colour, canvas.rng.choice(GLOSSES)))
            ends[side] = x + side * radius
    return sorted(bodies, key=lambda body: body.y)


def _with_shadow(canvas: Canvas, picture: Image.Image, body: Body, floor: Colour) -> Image.Image:
    """A long soft shadow to the right, and a dark one where the body touches the ground."""
    x, y, foot, reach = body.x, body.y, body.foot, body.tall * 0.95
    flat = body.radius * turned.FLATNESS
    end = x + reach + body.radius
    outline = [
        (x - foot, y - flat * 0.3),
        (x, y + flat * 0.9),
        (x + reach, y + flat * 0.7 - reach * 0.05),
        (end, y - flat * 0.6 - reach * 0.1),
        (x + reach * 0.9, y - flat * 1.5 - reach * 0.1),
        (x, y - flat),
    ]
    cast = Field.of_mask(soft(shape(canvas.size, [outline]), max(4, body.radius * 0.14)))
    fade = across(canvas.size, end / (end - x), (end - canvas.width) / (end - x)).clamped()
    tint = relit(mix(floor, canvas.palette.deep, 0.45), by=-0.08)
    picture = shaded(picture, cast * fade * 0.85, tint)
    touch = distance(canvas.size, (x + foot * 0.1, y), foot * 1.3, flat=0.28)
    return shaded(picture, touch.smoothstep(1.2, 0.1) * 0.8, relit(tint, by=-0.15))


def _add_branches(canvas: Canvas, picture: Image.Image, body: Body) -> None:
    palette = canvas.palette
    root = body.x, body.y - body.tall * 0.96
    for _ in range(canvas.rng.randint(2, 4)):
        angle = -math.pi / 2 + canvas.between(-0.65, 0.65)
        # Never taller than the room above it, so that no branch is cut off.
        length = min(body.tall * 1.1, root[1]) * canvas.between(0.7, 1)
        twigs = plants.spray(canvas, root, angle, length)
        colour = mix(palette.deep, palette.mid, canvas.between(0.1, 0.7))
        picture.paste(colour, (0, 0), shape(canvas.size, twigs))
