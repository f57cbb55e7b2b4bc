"""Pictures of many kinds, drawn from a seed: what the studio's people may make."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

RATIOS = ((1, 1), (1, 1), (2, 3), (3, 2), (16, 9), (9, 16), (3, 1), (1, 1), (4, 5), (1, 3))
# The exponent of the amplitude of noise over frequency. It is 1.2 in the mean of photographs
# (Tolhurst, Tadmor and Chao 1992: 0.8 to 1.5); the lower, the more fine detail.
PHOTO, SOFT, BUSY = (0.9, 1.3), (1.3, 1.8), (0.9, 1.05)

KINDS = (
    "photo",
    "photo, finer",
    "soft",
    "busy",
    "flat",
    "poster",
    "dark",
    "bright",
    "gradient",
    "product",
)
Colour = tuple[int, int, int]
INKS: tuple[tuple[Colour, Colour], ...] = (
    ((255, 255, 255), (20, 20, 20)),
    ((20, 30, 60), (240, 240, 240)),
    ((250, 235, 215), (60, 20, 20)),
)


def make(
    seed: int, side: int, *, kind: str = "", size: tuple[int, int] | None = None
) -> Image.Image:
    """The picture of a seed, whose longer side has that many pixels."""
    random = np.random.default_rng(seed)
    ratio = RATIOS[(seed // len(KINDS) + seed) % len(RATIOS)]
    width, height = size or tuple(round(side * part / max(ratio)) for part in ratio)
    return _draw(kind or KINDS[seed % len(KINDS)], random, width, height)


def _draw(kind: str, random: np.random.Generator, width: int, height: int) -> Image.Image:
    if kind == "flat":
        ground = Image.new("RGB", (width, height), _colour(random))
        return _shapes(random, ground, int(random.integers(1, 14)))
    if kind == "gradient":
        return _gradient(random, width, height)
    if kind == "product":
        return _product(random, width, height)
    if kind == "poster":
        return _poster(random, width, height)
    if kind == "page":
        return _text(random, width, height, *INKS[0])
    slope, contrast, mean, shapes, blur = {
        "soft": (SOFT, (25, 45), (110, 150), 3, 3.0),
        "busy": (BUSY, (28, 42), (110, 150), 3, 0.5),
        "dark": ((1.1, 1.1), (8, 25), (12, 40), 4, 1.0),
        "bright": ((1.1, 1.1), (8, 25), (185, 225), 4, 1.0),
    }.get(kind, (PHOTO, (30, 55), (90, 160), int(random.integers(2, 10)), 0.7))
    drawn = (random.uniform(*bounds) for bounds in (slope, contrast, mean))
    return _shapes(random, _noise(random, width, height, *drawn), shapes, blur)


def _noise(
    random: np.random.Generator, width: int, height: int, slope: float, contrast: float, mean: float
) -> Image.Image:
    rows, columns = height // 2, width // 2
    across = np.fft.rfftfreq(columns)[None]
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], across)
    frequency[0, 0] = 1

    def layer() -> np.ndarray:
        turned = np.exp(2j * np.pi * random.random(frequency.shape))
        grey = np.fft.irfft2(frequency**-slope * turned, s=(rows, columns))
        return grey / grey.std()

    common = layer()
    bands = [mean + contrast * (0.92 * common + 0.3 * layer()) for _ in range(3)]
    pixels = np.clip(np.stack(bands, -1), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


def _shapes(
    random: np.random.Generator, image: Image.Image, count: int, blur: float = 0
) -> Image.Image:
    pen = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = int(random.integers(0, image.width)), int(random.integers(0, image.height))
        size = int(random.integers(20, max(30, min(image.size) // 2)))
        colour, form = _colour(random), random.integers(0, 4)
        box = (x - size // 2, y - size // 2, x + size // 2, y + size // 3)
        if form == 0:
            pen.ellipse(box, fill=colour)
        elif form == 1:
            pen.rectangle(box, fill=colour)
        elif form == 2:
            pen.polygon([(x, y), (x + size, y + size // 3), (x + size // 4, y + size)], fill=colour)
        else:
            pen.line(
                (x, y, x + size, y + size // 2), fill=colour, width=int(random.integers(1, 12))
            )
    return image.filter(ImageFilter.GaussianBlur(blur)) if blur else image


def _gradient(random: np.random.Generator, width: int, height: int) -> Image.Image:
    first, second = random.random(3) * 255, random.random(3) * 255
    angle = random.random() * 2 * np.pi
    rows, columns = np.mgrid[0:height, 0:width]
    way = columns / width * np.cos(angle) + rows / height * np.sin(angle)
    way = (way - way.min()) / (way.max() - way.min())
    return Image.fromarray((first + (second - first) * way[..., None]).astype(np.uint8))


def _product(random: np.random.Generator, width: int, height: int) -> Image.Image:
    grounds = [(245, 245, 243), (255, 255, 255), (205, 210, 215)]
    chosen = int(random.integers(0, 4))
    ground = (
        Image.new("RGB", (width, height), grounds[chosen])
        if chosen < len(grounds)
        else _gradient(random, width, height)
    )
    thing = _noise(random, width, height, 1.3, 35, random.uniform(80, 150))
    mask = Image.new("L", (width, height))
    box = (width // 5, height // 8, 4 * width // 5, 7 * height // 8)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    ground.paste(_shapes(random, thing, 4, 1.5), (0, 0), mask.filter(ImageFilter.GaussianBlur(2)))
    return ground


def _poster(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """A photograph and, on half of it, text."""
    poster = _draw(["photo", "soft", "flat", "dark"][random.integers(0, 4)], random, width, height)
    inks = INKS[random.integers(0, len(INKS))]
    if width > height:
        poster.paste(_text(random, width // 2, height, *inks), (0, 0))
    else:
        poster.paste(_text(random, width, height // 2, *inks), (0, height // 2))
    return poster


def _text(
    random: np.random.Generator, width: int, height: int, paper: Colour, ink: Colour
) -> Image.Image:
    page = Image.new("RGB", (width, height), paper)
    pen, y = ImageDraw.Draw(page), 20
    while y < height - 30:
        size = int(random.choice([14, 18, 24, 40, 64]))
        letters = random.integers(97, 123, 200)
        line = "".join(" " if random.random() < 0.18 else chr(letter) for letter in letters)
        if random.random() < 0.8:
            pen.text((30, y), line, fill=ink, font=ImageFont.load_default(size))
        y += int(size * 1.5)
    return page


def _colour(random: np.random.Generator) -> Colour:
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    return red, green, blue
