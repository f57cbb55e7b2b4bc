"""The imperceptible mark beside the package blind-watermark, on the same pictures and changes.

`PYTHONPATH=OTHER/site-packages .venv/bin/python -m tests.bench.marks_compared 40`, where OTHER is a
virtual environment with `blind-watermark`: the studio does not need it. Numbers have 40 bits; for
blind-watermark, which has no check of its own, 16 bits of CRC follow them.
"""

import argparse
import binascii
import sys
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from generations.labelling import mark
from tests.bench import pictures
from tests.bench.marks import CHANGES, MARKER, psnr, timed

try:
    from blind_watermark import WaterMark
except ImportError:
    WaterMark = None

NUMBER_BYTES, CHECK_BITS = 5, 16
BITS = 8 * NUMBER_BYTES + CHECK_BITS

Embed = Callable[[Image.Image, int], Image.Image | None]
Read = Callable[[Image.Image], int | None]


def ours(image: Image.Image, number: int) -> Image.Image | None:
    return MARKER.with_number(number).embed(image)


def read_ours(image: Image.Image) -> int | None:
    found = mark.read(image, [MARKER])
    return found.number if found else None


def theirs(image: Image.Image, number: int) -> Image.Image:
    data = number.to_bytes(NUMBER_BYTES, "big")
    data += binascii.crc_hqx(data, 0).to_bytes(CHECK_BITS // 8, "big")
    program = _program()
    program.read_img(img=np.asarray(image)[:, :, ::-1].copy())
    program.read_wm([bool(bit) for bit in np.unpackbits(np.frombuffer(data, np.uint8))], mode="bit")
    made = np.clip(np.rint(program.embed()), 0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(made[:, :, ::-1]))


def read_theirs(image: Image.Image) -> int | None:
    array = np.asarray(image.convert("RGB"))[:, :, ::-1].copy()
    try:
        bits = _program().extract(embed_img=array, wm_shape=BITS, mode="bit")
    except (AssertionError, IndexError, ValueError):  # too small for so many bits
        return None
    data = np.packbits(np.asarray(bits) > 0.5).tobytes()
    number, check = data[:NUMBER_BYTES], data[NUMBER_BYTES:]
    is_right = binascii.crc_hqx(number, 0) == int.from_bytes(check, "big")
    return int.from_bytes(number, "big") if is_right else None


def _program() -> Any:
    return WaterMark(password_img=1, password_wm=1)


def compare(name: str, embed: Embed, read: Read, count: int, side: int) -> None:
    """Print the figures of one way of marking."""
    right: defaultdict[str, list[bool]] = defaultdict(list)
    near, embedding, reading, wrong, false = [], [], [], 0, 0
    for seed in range(count):
        image = pictures.make(seed, side)
        number = (seed * 7919 + 1) % mark.LARGEST_NUMBER
        marked, milliseconds = timed(lambda: embed(image, number))  # noqa: B023
        false += read(image) is not None
        if marked is None:
            continue
        embedding.append(milliseconds)
        near.append(psnr(image, marked))
        for change_name, change in CHANGES.items():
            changed = change(marked)
            found, milliseconds = timed(lambda: read(changed))  # noqa: B023
            reading.append(milliseconds)
            right[change_name].append(found == number)
            wrong += found not in (None, number)
    print(f"\n{name}: PSNR {np.mean(near):.1f} dB, at least {min(near):.1f}")
    print(f"CPU ms to embed {np.mean(embedding):.0f}, to read {np.mean(reading):.0f}")
    print(f"wrong numbers {wrong}, numbers in {count} unmarked pictures {false}")
    for change_name, each in right.items():
        print(f"{change_name:<22}{np.mean(each):>8.1%}", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=int, nargs="?", default=40)
    parser.add_argument("--side", type=int, default=1024)
    chosen = parser.parse_args(arguments)
    if WaterMark is None:
        print("Install blind-watermark in another environment, and name it in PYTHONPATH.")
        return 2
    compare("blind-watermark", theirs, read_theirs, chosen.pictures, chosen.side)
    compare("ours", ours, read_ours, chosen.pictures, chosen.side)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
