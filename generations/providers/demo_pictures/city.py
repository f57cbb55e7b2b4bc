"""A skyline after sunset: lit windows, neon, haze between the blocks, all reflected in water."""

from dataclasses import dataclass

from PIL import Image, ImageDraw

from generations.providers.demo_pictures.canvas import Canvas, bloom, laid_over, lit
from generations.providers.demo_pictures.colour import BLACK, WHITE, Colour, mix, painted, relit
from generations.providers.demo_pictures.fields import combine, distance, down, glow
from generations.providers.demo_pictures.textures import noise, receding

LAYERS = 4


@dataclass(frozen=True)
class Tower:
    """One building in pixels: its walls, from the roof down to the shore."""

    left: int
    right: int
    top: int
    face: Colour

    @property
    def width(self) -> int:
        return self.right - self.left


def paint(canvas: Canvas) -> Image.Image:
    shore = round(canvas.height * canvas.between(0.68, 0.8))
    picture = _sky(canvas, shore)
    for n in range(LAYERS):
        near = n / (LAYERS - 1)
        _add_skyline(canvas, picture, shore, near)
        if n < LAYERS - 1:
            _add_haze(canvas, picture, shore, near)
    picture = bloom(picture, 17 * canvas.unit, 1.1)
    picture.paste(_water(canvas, picture, shore), (0, shore))
    return picture


def _sky(canvas: Canvas, shore: int) -> Image.Image:
    palette, unit = canvas.palette, canvas.unit
    high = down(canvas.size, 0, canvas.height / shore)
    clouds = noise(canvas.rng, canvas.size, (420 * unit, 130 * unit), 4, 0.55)
    night = [
        (0, mix(palette.shadow, BLACK, 0.4)),
        (0.5, mix(palette.shadow, palette.deep, 0.6)),
        (1, mix(palette.deep, palette.mid, 0.5)),
    ]
    dusk = [
        (0, mix(palette.shadow, palette.deep, 0.75)),
        (0.4, mix(palette.deep, palette.mid, 0.35)),
        (0.75, mix(palette.mid, palette.light, 0.35)),
        (1, mix(palette.light, palette.accent, 0.3)),
    ]
    picture = painted(high + (clouds - 0.5) * 0.2, night if canvas.night else dusk)
    veil = clouds.smoothstep(0.45, 0.8) * high.clamped()
    picture = lit(picture, veil, mix(palette.mid, palette.accent, 0.4), 0.3)
    return _with_moon(canvas, picture)


def _with_moon(canvas: Canvas, picture: Image.Image) -> Image.Image:
    palette, unit = canvas.palette, canvas.unit
    moon = canvas.width * canvas.between(0.12, 0.88), canvas.height * canvas.between(0.1, 0.28)
    radius = canvas.between(26, 60) * unit
    halo = glow(canvas.size, moon, radius * 2.2)
    picture = lit(picture, halo, mix(palette.light, palette.accent, 0.3), 0.35)
    edge = 1.5 / radius
    disc = distance(canvas.size, moon, radius).smoothstep(1 + edge, 1 - edge)
    return laid_over(picture, mix(palette.glow, WHITE, 0.3), (disc * 0.92).mask())


def _add_skyline(canvas: Canvas, picture: Image.Image, shore: int, near: float) -> None:
    """One row of buildings; `near` is 0 for the farthest and 1 for the nearest."""
    palette, unit = canvas.palette, canvas.unit
    draw = ImageDraw.Draw(picture)
    far = mix(palette.deep, palette.mid, 0.12 if canvas.night else 0.4)
    wall = mix(far, mix(palette.shadow, BLACK, 0.35), 0.12 + 0.88 * near**0.8)
    centre = canvas.width * canvas.between(0.3, 0.7)
    x = -canvas.between(0, 60) * unit
    while x < canvas.width:
        wide = canvas.between(38, 95) * unit * (0.7 + 0.6 * near)
        # The town is highest in its centre; the near rows are low and do not hide the rest.
        aside = min(1, abs(x + wide / 2 - centre) / canvas.width * 1.6)
        share = canvas.between(0.16, 0.56) * (1 - 0.55 * aside) * (1.06 - 0.52 * near)
        top = round(shore - canvas.height * share - 20 * unit)
        face = relit(wall, by=canvas.between(-0.02, 0.025))
        _build(canvas, draw, Tower(round(x), round(x + wide), top, face), shore, near)
        x += wide * canvas.between(0.92, 1.12) + (30 * unit if canvas.chance(0.12) else 0)


def _build(
    canvas: Canvas, draw: ImageDraw.ImageDraw, tower: Tower, shore: int, near: float
) -> None:
    unit = canvas.unit
    for part in reversed(_with_setbacks(canvas, tower)):
        draw.rectangle((part.left, part.top, part.right - 1, shore), fill=tower.face)
        lit_edge = part.left + max(1, round(1.6 * unit))
        draw.rectangle((part.left, part.top, lit_edge, shore), fill=relit(tower.face, by=0.045))
    if canvas.chance(0.3):
        _add_mast(canvas, draw, tower)
    _add_windows(canvas, draw, tower, shore, near)
    if near > 0.5 and tower.width > 40 * unit and canvas.chance(0.4):
        _add_neon(canvas, draw, tower, shore)


def _with_setbacks(canvas: Canvas, tower: Tower) -> list[Tower]:
    """The tower and up to two narrower parts on its roof."""
    parts = [tower]
    if canvas.chance(0.4):
        inset, rise = (round(tower.width * canvas.between(low, low * 2.4)) for low in (0.12, 0.2))
        for n in range(1, canvas.rng.randint(2, 3)):
            left, right = tower.left + inset * n, tower.right - inset * n
            if right - left > 2:
                parts.append(Tower(left, right, tower.top - rise * n, tower.face))
    return parts


def _add_mast(canvas: Canvas, draw: ImageDraw.ImageDraw, tower: Tower) -> None:
    middle = (tower.left + tower.right) // 2
    tip = tower.top - round(tower.width * canvas.between(0.5, 1.3))
    dot = max(1, round(1.8 * canvas.unit))
    draw.line((middle, tip, middle, tower.top), fill=tower.face, width=max(1, dot - 1))
    draw.ellipse((middle - dot, tip - dot, middle + dot, tip + dot), fill=canvas.palette.accent)


def _add_windows(
    canvas: Canvas, draw: ImageDraw.ImageDraw, tower: Tower, shore: int, near: float
) -> None:
    """Rows of windows, some of them lit; on some floors nearly all."""
    palette, unit, rng = canvas.palette, canvas.unit, canvas.rng
    scale = unit * (0.6 + 0.4 * near)
    wide, high = canvas.between(6, 9) * scale, canvas.between(8, 12) * scale
    count = int((tower.width - 4 * unit) / wide)
    start = tower.left + (tower.width - count * wide) / 2
    tint = rng.choice(
        [palette.glow, palette.glow, mix(palette.glow, palette.accent, 0.6), palette.accent]
    )
    share = canvas.between(0.08, 0.42)
    shades = [mix(tower.face, tint, (0.4 + 0.5 * near) * step / 3) for step in (1, 2, 3)]
    y = tower.top + high * 0.9
    while y < shore - high:
        busy = min(0.9, share * (2.4 if rng.random() < 0.12 else 1))
        for n in range(count):
            if rng.random() < busy:
                x = start + n * wide
                box = round(x + wide * 0.2), round(y), round(x + wide * 0.8), round(y + high * 0.5)
                draw.rectangle(box, fill=rng.choice(shades))
        y += high


def _add_neon(canvas: Canvas, draw: ImageDraw.ImageDraw, tower: Tower, shore: int) -> None:
    palette = canvas.palette
    colour = canvas.rng.choice([palette.accent, palette.mid, mix(palette.accent, palette.mid, 0.5)])
    x = tower.left + round(tower.width * canvas.rng.choice([0.1, 0.82]))
    tall = shore - tower.top
    top = tower.top + round(tall * 0.12)
    box = x, top, x + max(2, round(5 * canvas.unit)), top + round(tall * canvas.between(0.25, 0.5))
    draw.rectangle(box, fill=mix(colour, WHITE, 0.3))


def _add_haze(canvas: Canvas, picture: Image.Image, shore: int, near: float) -> None:
    palette, unit = canvas.palette, canvas.unit
    air = mix(mix(palette.deep, palette.mid, 0.6), palette.accent, 0.22)
    low = down(canvas.size, -1.2, canvas.height / shore * 1.15).clamped() ** 2
    drift = noise(canvas.rng, canvas.size, (380 * unit, 110 * unit), 2)
    mist = low * (drift * 0.8 + 0.3) * (0.8 - 0.35 * near)
    picture.paste(air, (0, 0), mist.mask())


def _water(canvas: Canvas, above: Image.Image, shore: int) -> Image.Image:
    """The town upside down, drawn out by small waves."""
    palette, unit = canvas.palette, canvas.unit
    size = canvas.width, canvas.height - shore
    seen = min(shore, round(size[1] * 1.6))
    mirror = above.crop((0, shore - seen, canvas.width, shore))
    mirror = mirror.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    long = mirror.resize((size[0] // 3, max(2, size[1] // 14)), Image.Resampling.BOX)
    swell, near = receding(canvas.rng, size, 44 * unit, 3), down(size)
    clear = combine(
        lambda slope, swell, near: 0.92 - near * 0.35 + slope * 6 + (swell - 0.5) * 0.9,
        swell - swell.moved(0, -2),
        swell,
        near,
    )
    dark = Image.new("RGB", size, mix(palette.shadow, BLACK, 0.3))
    water = laid_over(dark, long.resize(size, Image.Resampling.BICUBIC), clear.mask())
    return lit(water, (1 - near) ** 16, mix(palette.mid, palette.accent, 0.5), 0.2)
