"""Abstract pictures: layered paper, marbled ink and folded silk."""

import math

from PIL import Image, ImageChops

from generations.providers.demo_pictures.canvas import Canvas, faded, laid_over, lit, shaded, thrown
from generations.providers.demo_pictures.colour import (
    WHITE,
    Colour,
    Stops,
    blended,
    mix,
    painted,
    painted_finely,
    relit,
)
from generations.providers.demo_pictures.fields import Field, combine, glow, slanted
from generations.providers.demo_pictures.textures import noise, rolling, warped


def paint_paper(canvas: Canvas) -> Image.Image:
    """Sheets with holes cut into them, each on the one before, lit from the upper left."""
    palette, unit = canvas.palette, canvas.unit
    land = rolling(canvas.rng, canvas.size, canvas.between(380, 560) * unit, 3, 0.3).stretched()
    colours = _sheet_colours(canvas)
    count = canvas.rng.randint(8, 11)
    picture = Image.new("RGB", canvas.size, colours[0])
    for n in range(1, count):
        share = n / (count - 1)
        colour = blended(colours, share)
        sheet = ((land - (0.04 + 0.86 * share)) * (260 * unit) + 0.5).mask()
        dark = relit(mix(colour, palette.shadow, 0.8), by=-0.16)
        picture.paste(dark, (0, 0), _cast(canvas, sheet))
        picture.paste(colour, (0, 0), sheet)
        nudged = ImageChops.offset(sheet, max(1, round(1.6 * unit)), max(1, round(1.9 * unit)))
        cut = faded(ImageChops.subtract(sheet, nudged), 0.5)
        picture.paste(mix(colour, WHITE, 0.6), (0, 0), cut)
    return _with_fibres(canvas, picture)


def _sheet_colours(canvas: Canvas) -> tuple[Colour, ...]:
    """Colours from the lowest sheet to the topmost."""
    palette = canvas.palette
    upwards = palette.shadow, palette.deep, palette.mid, palette.light, palette.glow
    downwards = palette.glow, palette.accent, palette.mid, palette.deep, palette.shadow
    bright = palette.accent, mix(palette.accent, palette.mid, 0.5), *upwards[2:]
    if canvas.night:
        return downwards
    return upwards if canvas.named else canvas.rng.choice([upwards, downwards, bright])


def _cast(canvas: Canvas, sheet: Image.Image) -> Image.Image:
    """The shadow of one sheet: wide and soft, and narrow along its edge."""
    half = canvas.unit / 2
    small = sheet.reduce(2)
    far = faded(thrown(small, 9 * half, 13 * half, 14 * half), 0.5)
    near = faded(thrown(small, 2.4 * half, 3.2 * half, 2.6 * half), 0.42)
    return ImageChops.screen(far, near).resize(sheet.size, Image.Resampling.BILINEAR)


def _with_fibres(canvas: Canvas, picture: Image.Image) -> Image.Image:
    palette, unit = canvas.palette, canvas.unit
    fibres = noise(canvas.rng, canvas.size, (7 * unit, 2.5 * unit), 2, 0.6) - 0.5
    lamp = glow(canvas.size, (canvas.width * 0.2, canvas.height * 0.1), 800 * unit)
    shade = combine(lambda fibres, lamp: 0.3 - lamp * 0.4 + fibres * 0.12, fibres, lamp)
    picture = shaded(picture, shade, mix(palette.shadow, palette.deep, 0.5))
    return lit(picture, lamp * 0.1 + fibres * 0.1, palette.glow)


def paint_ink(canvas: Canvas) -> Image.Image:
    """Inks floated on water and combed, as on marbled paper."""
    palette, unit = canvas.palette, canvas.unit
    flow = _flow(canvas)
    picture = painted_finely(flow, _inks(canvas))
    right, below = (flow * 9).wave().slopes()
    light = combine(lambda right, below: (right * 0.3 + below * 0.4) * (9 * unit), right, below)
    pools = noise(canvas.rng, canvas.size, 260 * unit, 2) - 0.5
    shade = (-light).clamped() * 0.55 + pools.clamped() * 0.5
    picture = shaded(picture, shade, mix(palette.shadow, palette.deep, 0.5))
    picture = lit(picture, light, mix(palette.glow, WHITE, 0.5), 0.4)
    return lit(picture, (light - 0.3).clamped() ** 2, WHITE, 1.2)


def _flow(canvas: Canvas) -> Field:
    """Rolling ground, warped twice, from 0 to 1."""
    rng, unit, size = canvas.rng, canvas.unit, canvas.size
    reach = canvas.between(190, 270) * unit
    margin = math.ceil(reach) + 14
    wide = size[0] + 2 * margin, size[1] + 2 * margin
    widest = wide[0] + 2 * margin, wide[1] + 2 * margin
    drift = slanted(widest, unit, canvas.between(0, math.tau)) * 0.35
    source = rolling(rng, widest, 560 * unit, 2, 0.4) + drift
    aside, along = (rolling(rng, wide, 500 * unit, 2, 0.35) for _ in "xy")
    once = warped(source, aside, along, reach=reach, step=16)
    aside, along = (rolling(rng, size, 420 * unit, 2, 0.3) for _ in "xy")
    return warped(once, aside, along, reach=reach, step=12).stretched()


def _inks(canvas: Canvas) -> Stops:
    """Stripes of random width, half of them in one of two leading colours."""
    palette, rng = canvas.palette, canvas.rng
    every = palette.shadow, palette.deep, palette.mid, palette.light, palette.glow, palette.accent
    pairs = [(palette.deep, palette.mid), (palette.mid, palette.deep)]
    if not canvas.named:
        pairs += [(palette.light, palette.glow), (palette.deep, palette.shadow)]
    leading = rng.choice(pairs)
    stops: list[tuple[float, Colour]] = []
    place = 0.0
    while place < 1:
        colour = rng.choice(leading if rng.random() < 0.5 else every)
        end = min(1.0, place + rng.choice([0.012, 0.02, 0.03, 0.05, 0.09]))
        # The gap to the next stripe makes the edge smooth.
        other_side = relit(colour, by=rng.uniform(-0.05, 0.05))
        stops += [(place, colour), (max(place, end - 0.004), other_side)]
        place = end
    return stops


def paint_silk(canvas: Canvas) -> Image.Image:
    """Cloth in soft folds, with a sheen that changes colour along them."""
    palette, rng, unit, size = canvas.palette, canvas.rng, canvas.unit, canvas.size
    across_folds = slanted(size, unit, canvas.between(0, math.tau))
    large, small = rolling(rng, size, 620 * unit, 2, 0.4), rolling(rng, size, 330 * unit, 2, 0.35)
    folds = combine(lambda a, b, c: a * 3.2 + b * 1.7 + c * 0.6, across_folds, large, small)
    creases = combine(lambda folds, small: folds * 2.3 + small * 1.1, folds, small)
    height = combine(lambda a, b: a * 0.75 + b * 0.25, folds.wave(), creases.wave())
    right, below = height.slopes()
    slope = combine(lambda right, below: (right * 0.275 + below * 0.3) * (70 * unit), right, below)
    tone = combine(lambda height, slope: 0.46 + slope * 0.42 + (height - 0.5) * 0.42, height, slope)
    one, other = _sheens(canvas)
    change = noise(rng, size, 700 * unit) - (0.25 if canvas.named else 0)
    share = change.smoothstep(0.35, 0.75).mask()
    picture = laid_over(painted(tone, one), painted(tone, other), share)
    threads = noise(rng, size, (2.2 * unit, 9 * unit)) * 0.3 + 0.7
    return lit(picture, slope.smoothstep(0.45, 1.15) * threads, mix(palette.glow, WHITE, 0.5), 0.5)


def _sheens(canvas: Canvas) -> tuple[Stops, Stops]:
    """The two colours of the cloth, each as a ramp from shade to light."""
    palette = canvas.palette
    if canvas.night:
        black = relit(palette.shadow, by=-0.03)
        one = black, palette.deep, palette.mid, palette.light
        other = black, mix(palette.shadow, palette.accent, 0.5), palette.accent, palette.glow
    else:
        one = palette.deep, palette.mid, palette.light, mix(palette.glow, WHITE, 0.4)
        other = (
            mix(palette.deep, palette.accent, 0.35),
            mix(palette.mid, palette.accent, 0.6),
            mix(palette.accent, palette.glow, 0.5),
            mix(palette.glow, WHITE, 0.5),
        )
    places = 0, 0.38, 0.72, 1
    return list(zip(places, one, strict=True)), list(zip(places, other, strict=True))
