"""What the imperceptible mark survives: `python -m tests.bench.marks 300 --unmarked 5000`.

Prints which share of numbers is read again after each change of a picture, how near a marked
picture is to the unmarked one, how many numbers are found in unmarked pictures, and the times."""

import argparse
import io
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from PIL import Image, ImageEnhance

from generations.labelling import mark
from tests.bench import pictures

T = TypeVar("T")
Change = Callable[[Image.Image], Image.Image]
MARKER = mark.Marker(bytes(range(32)), 1)
SIDE = 1024
TARGET, LEAST_PSNR = 0.99, 44.0


def encoded(image: Image.Image, kind: str, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, kind, quality=quality)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def scaled(
    image: Image.Image, factor: float, method: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    return image.resize([max(1, round(factor * side)) for side in image.size], method)


def cropped(
    image: Image.Image, left: float = 0, top: float = 0, right: float = 0, bottom: float = 0
) -> Image.Image:
    width, height = image.size
    return image.crop(
        (
            round(left * width),
            round(top * height),
            width - round(right * width),
            height - round(bottom * height),
        )
    )


def screenshot(image: Image.Image, zoom: float) -> Image.Image:
    """A page with the picture at that zoom, as a PNG, of which the picture is cut out."""
    drawn = scaled(image, zoom, Image.Resampling.BILINEAR)
    page = Image.new("RGB", (drawn.width + 300, drawn.height + 200), (250, 250, 252))
    page.paste(drawn, (137, 91))
    return encoded(page, "PNG", 0).crop((137, 91, 137 + drawn.width, 91 + drawn.height))


CHANGES: dict[str, Change] = {
    "none": lambda image: image,
    "JPEG quality 40": lambda image: encoded(image, "JPEG", 40),
    "WebP quality 50": lambda image: encoded(image, "WEBP", 50),
    "resized to 25 %": lambda image: scaled(image, 0.25),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "brightness + 25 %": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "brightness - 25 %": lambda image: ImageEnhance.Brightness(image).enhance(0.75),
    "screenshot at 50 %": lambda image: screenshot(image, 0.5),
    "screenshot at 67 %": lambda image: screenshot(image, 0.67),
    "screenshot at 90 %": lambda image: screenshot(image, 0.9),
    "1 % off the left": lambda image: cropped(image, left=0.01),
    "1 % off a corner": lambda image: cropped(image, right=0.01, bottom=0.01),
    "5 % off the right": lambda image: cropped(image, right=0.05),
    "5 % off the top": lambda image: cropped(image, top=0.05),
    "5 % off a corner": lambda image: cropped(image, left=0.05, top=0.05),
}


class Table:
    """Figures of one kind of mark."""

    def __init__(self) -> None:
        self.right: defaultdict[str, list[bool]] = defaultdict(list)
        self.psnr: list[float] = []
        self.embedding: list[float] = []
        self.reading: defaultdict[str, list[float]] = defaultdict(list)
        self.wrong = self.without = 0
        self.missed: defaultdict[str, list[str]] = defaultdict(list)

    def show(self) -> bool:
        """Print it; return whether a target was missed."""
        print(f"{'change':<22}{'read':>8}{'CPU ms to read, mean and most':>33}  not read")
        for name, right in self.right.items():
            times = self.reading[name]
            print(
                f"{name:<22}{np.mean(right):>8.1%}{np.mean(times):>20.0f}{max(times):>13.0f}"
                f"  {' '.join(self.missed[name][:8])}"
            )
        print(f"PSNR {np.mean(self.psnr):.2f} dB, at least {min(self.psnr):.2f}")
        print(f"CPU ms to embed: {np.mean(self.embedding):.0f}, at most {max(self.embedding):.0f}")
        print(f"wrong numbers {self.wrong}, pictures that carry no mark {self.without}", flush=True)
        shares = [float(np.mean(right)) for right in self.right.values()]
        return min(shares) < TARGET or min(self.psnr) < LEAST_PSNR or self.wrong > 0


def measured(count: int, side: int = SIDE, kind: str = "", first: int = 0) -> Table:
    table = Table()
    for seed in range(first, first + count):
        image = pictures.make(seed, side, kind=kind)
        number = (seed * 7919 + 1) % mark.LARGEST_NUMBER
        marked, milliseconds = timed(lambda: MARKER.with_number(number).embed(image))  # noqa: B023
        table.embedding.append(milliseconds)
        if marked is None:
            table.without += 1
            continue
        table.psnr.append(psnr(image, marked))
        for name, change in CHANGES.items():
            changed = change(marked)
            found, milliseconds = timed(lambda: mark.read(changed, [MARKER]))  # noqa: B023
            table.reading[name].append(milliseconds)
            is_right = found is not None and found.number == number
            table.right[name].append(is_right)
            table.wrong += found is not None and not is_right
            if not is_right:
                table.missed[name].append(f"{seed}:{pictures.KINDS[seed % 10]}")
    return table


def false_numbers(count: int) -> int:
    """How many of so many unmarked pictures seem to have a number."""
    found = 0
    for seed in range(count):
        image = pictures.make(1_000_000 + seed, 512)
        found += mark.read(image, [MARKER]) is not None
    return found


def whole_image(side: int = 2048) -> None:
    """The marks of all files of one image, as a multiple of its bare decoding and encoding."""
    image = pictures.make(0, side, kind="photo", size=(side, side))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)

    def bare() -> None:
        with Image.open(io.BytesIO(file.getvalue())) as opened:
            opened.load()
            opened.save(io.BytesIO(), "JPEG", quality=92)

    sizes = [image, scaled(image, 1600 / side), scaled(image, 640 / side)]

    def marks() -> None:
        for each in sizes:
            MARKER.with_number(77).embed(each)

    alone = min(timed(bare)[1] for _ in range(5))
    with_marks = min(timed(marks)[1] for _ in range(5))
    print(
        f"{side} x {side}: bare codec {alone:.0f} ms, marks of its three files {with_marks:.0f} ms"
    )


def timed(work: Callable[[], T]) -> tuple[T, float]:
    before = time.process_time()
    result = work()
    return result, (time.process_time() - before) * 1000


def psnr(before: Image.Image, after: Image.Image) -> float:
    one, other = (np.asarray(image, np.float32) for image in (before, after))
    return 10 * math.log10(255**2 / max(1e-9, float(np.mean((one - other) ** 2))))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=int, nargs="?", default=300)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--kind", default="", choices=["", *pictures.KINDS, "page"])
    parser.add_argument("--first", type=int, default=0, help="the seed of the first picture")
    parser.add_argument("--unmarked", type=int, default=0)
    chosen = parser.parse_args(arguments)
    whole_image()
    missed = measured(chosen.pictures, chosen.side, chosen.kind, chosen.first).show()
    if chosen.unmarked:
        found = false_numbers(chosen.unmarked)
        print(f"numbers found in {chosen.unmarked} unmarked pictures: {found}")
        missed |= found > 0
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
