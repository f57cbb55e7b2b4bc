"""The open sea under a low light, with its glitter, headlands and sometimes a sail."""

from PIL import Image

from generations.providers.demo_pictures import ridges, sky
from generations.providers.demo_pictures.canvas import Canvas, Outline, laid_over, lit, shape
from generations.providers.demo_pictures.colour import WHITE, Colour, mix, painted
from generations.providers.demo_pictures.fields import Field, Size, across, combine, down, rows
from generations.providers.demo_pictures.sky import Sky
from generations.providers.demo_pictures.textures import receding


def paint(canvas: Canvas) -> Image.Image:
    horizon = round(canvas.height * canvas.between(0.4, 0.56))
    picture, over = sky.paint(canvas, horizon, canvas.height * canvas.between(0.02, 0.2))
    for n in range(canvas.rng.randint(1, 3)):
        _add_headland(canvas, picture, over, n)
    if "boat" in canvas.motifs or canvas.chance(0.4):
        _add_boat(canvas, picture, over)
    picture.paste(_water(canvas, picture, over), (0, horizon))
    return picture


def _add_headland(canvas: Canvas, picture: Image.Image, over: Sky, n: int) -> None:
    palette = canvas.palette
    tall = canvas.height * canvas.between(0.05, 0.13)
    outline = _headland(canvas, over.horizon + 2, tall)
    air = palette.mid if canvas.night else palette.light
    land = mix(palette.deep, palette.shadow, 0.5) if canvas.night else palette.deep
    colour = mix(air, land, 0.3 + 0.28 * n)
    height = canvas.height / tall
    shade = down(canvas.size, 0, height) - (over.horizon / tall - 1)
    coast = painted(shade, [(0, colour), (1, mix(colour, air, 0.45))])
    picture.paste(coast, (0, 0), shape(canvas.size, [outline]))


def _headland(canvas: Canvas, foot: float, tall: float) -> Outline:
    """A hill that rises from the sea and sinks into it, at one side of the picture."""
    heights = ridges.folded_noise(canvas, canvas.between(160, 320), 0.45)
    start = canvas.between(-0.3, 0.05) if canvas.chance(0.5) else canvas.between(0.6, 0.95)
    reach = canvas.between(0.35, 0.6)
    outline = [(0.0, foot)]
    for n, height in enumerate(heights):
        share = n / (len(heights) - 1)
        inside = min(1.0, max(0.0, (share - start) / reach))
        hump = (4 * inside * (1 - inside)) ** 0.8
        outline.append((share * canvas.width, foot - tall * hump * (0.25 + 0.6 * height)))
    return [*outline, (canvas.width, foot)]


def _add_boat(canvas: Canvas, picture: Image.Image, over: Sky) -> None:
    """A small sailing boat beside the light's path."""
    palette, unit = canvas.palette, canvas.unit
    tall = canvas.between(46, 80) * unit
    away = canvas.between(120, 300) * unit
    x = over.light[0] + (away if over.light[0] < canvas.width / 2 else -away)
    y = over.horizon + 6 * unit

    def outline(*points: tuple[float, float]) -> Outline:
        return [(x + dx * tall, y + dy * tall) for dx, dy in points]

    sails = [
        outline((0, -1), (0, -0.15), (-0.34, -0.15), (-0.13, -0.55)),
        outline((0.03, -0.92), (0.03, -0.16), (0.3, -0.16)),
    ]
    hull = outline((-0.3, -0.1), (0.34, -0.12), (0.22, 0), (-0.22, 0))
    white = mix(palette.light, palette.mid, 0.4) if canvas.night else mix(palette.glow, WHITE, 0.3)
    picture.paste(white, (0, 0), shape(canvas.size, sails))
    picture.paste(palette.shadow, (0, 0), shape(canvas.size, [hull]))


def _water(canvas: Canvas, above: Image.Image, over: Sky) -> Image.Image:
    """The sea below the horizon: its waves, what it mirrors, and the light on it."""
    size = canvas.width, canvas.height - int(over.horizon)
    swell = receding(canvas.rng, size, 26 * canvas.unit, 3)
    near = down(size)
    water = _waves(canvas, swell, near)
    water = laid_over(water, _mirrored(above, size), ((1 - near) ** 2 * 0.55).mask())
    return _glittering(canvas, water, over, swell, near)


def _waves(canvas: Canvas, swell: Field, near: Field) -> Image.Image:
    palette = canvas.palette
    if canvas.night:
        deep, far, crest = palette.shadow, mix(palette.deep, palette.mid, 0.5), palette.light
    else:
        deep = mix(palette.deep, palette.shadow, 0.35)
        far, crest = mix(palette.mid, palette.light, 0.35), palette.glow
    tone = combine(
        lambda near, slope, swell: 0.78 - near * 0.55 + slope * 3.2 + (swell - 0.5) * 0.5,
        near**0.5,
        swell - swell.moved(0, -2),
        swell,
    )
    stops = [(0, deep), (0.45, mix(deep, far, 0.45)), (0.8, far), (1, mix(far, crest, 0.75))]
    return painted(tone, stops)


def _mirrored(above: Image.Image, size: Size) -> Image.Image:
    """What stands above the horizon, upside down and as blurred as moving water shows it."""
    width, horizon = size[0], above.height - size[1]
    mirror = above.crop((0, max(0, horizon - size[1]), width, horizon))
    mirror = mirror.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    blurred = mirror.resize((width // 8, size[1] // 8), Image.Resampling.BOX)
    return blurred.resize(size, Image.Resampling.BICUBIC)


def _glittering(
    canvas: Canvas, water: Image.Image, over: Sky, swell: Field, near: Field
) -> Image.Image:
    """Sparks on the wave crests, in a path towards the light that is wider nearby."""
    palette = canvas.palette
    wide = [34 * canvas.unit + canvas.width * 0.16 * share for share in (0, 0.1, 0.3, 0.6, 1)]
    aside = across(water.size, -over.light[0], canvas.width - over.light[0])
    path = combine(
        lambda aside, wide: (
            1.0 / (1.0 + (aside / wide) * (aside / wide) * (aside / wide) * (aside / wide))
        ),
        aside,
        rows(water.size, wide),
    )
    ripple = receding(canvas.rng, water.size, 9 * canvas.unit, 2)
    spark = combine(
        lambda ripple, swell, path, near: (ripple + swell - 1.0) * 1.6 + path * (1.0 - near * 0.45),
        ripple,
        swell,
        path,
        near,
    )
    glint = spark.smoothstep(0.62, 0.92) * path.smoothstep(0.02, 0.3)
    light: Colour = palette.light if canvas.night else palette.glow
    water = lit(water, path, mix(palette.glow, palette.accent, 0.4), 0.28)
    return laid_over(water, mix(light, WHITE, 0.35), (glint * 0.9).mask())
