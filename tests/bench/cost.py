"""What the labels of one image cost: processor time and memory.

Time is a multiple of that of decoding and encoding the same picture in the same run, so that it
means the same on every machine. Memory is that of a worker that does nothing else.
"""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import django
from PIL import Image as Pillow

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()

from generations.labelling import ENGLISH, RECIPES, LabelFacts, LabelledImage, Labels, Original
from generations.labelling import label as label_image
from generations.labelling.mark import KEY_BYTES, Marker
from tests.generations.labelling.signers import make_signer

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parents[2]
SIDE, LARGE_SIDE = 2048, 4096
ROUNDS = 7
MEGABYTES_TARGET = 400
_FACTS = LabelFacts(
    image_id="0192f0c1-7b94-7b92-92fd-4d16a9a4e9e9",
    system="Seedream 4.5",
    system_version="seedream-4-5-251128",
    credit="AI-generated",
    producer="example",
    made_at=datetime(2026, 8, 2, tzinfo=UTC),
)


def measure() -> bool:
    """Print the figures; return whether a target was missed."""
    data = photograph(SIDE)
    missed = False
    for words, labels, target in _kinds():
        pairs = [
            (_cpu(lambda: bare(data))[0], *_cpu(partial(labelled, data, labels)))
            for _ in range(ROUNDS)
        ]
        once, both = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
        missed |= both / once > target
        sizes = " + ".join(f"{len(file.data) // 1000}" for file in pairs[0][2])
        print(f"labels of a JPEG of {SIDE} x {SIDE}, {words}: {both * 1000:.0f} ms of CPU,")
        print(f"  {both / once:.2f} x decoding and encoding it, target {target}; {sizes} kB")
    memory = _peak_megabytes()
    print(f"  {memory} MB at {LARGE_SIDE} x {LARGE_SIDE}, target {MEGABYTES_TARGET}")
    return missed or memory > MEGABYTES_TARGET


def _kinds() -> list[tuple[str, Labels, float]]:
    """Labels, and how many times decoding and encoding they may cost."""
    signer, mark = make_signer(), Marker(bytes(KEY_BYTES), 1).with_number(1)
    return [
        ("signed", Labels(ENGLISH, signer=signer), 3.0),
        ("signed and marked", Labels(ENGLISH, mark=mark, signer=signer), 6.0),
    ]


def labelled(data: bytes, labels: Labels) -> list[LabelledImage]:
    """All renditions of the picture, checked."""
    return label_image(Original(data), facts=_FACTS, recipes=RECIPES, labels=labels)


def bare(data: bytes) -> bytes:
    """The picture decoded and encoded, as Pillow does it at its quickest."""
    image = Pillow.open(io.BytesIO(data))
    image.load()
    return _encoded(image)


def photograph(side: int) -> bytes:
    """A JPEG that is as hard to encode as a photograph: large and small shapes, and some grain."""
    image = Pillow.new("RGB", (side, side), "#808080")
    for cells, share in ((8, 0.5), (64, 0.3), (512, 0.15), (side, 0.05)):
        grain = Pillow.effect_noise((cells, cells), 90)
        layers = [grain.rotate(turn).resize((side, side)) for turn in (0, 90, 180)]
        image = Pillow.blend(image, Pillow.merge("RGB", layers), share)
    return _encoded(image)


def _encoded(image: Pillow.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92, subsampling="4:4:4")
    return file.getvalue()


def _cpu(work: Callable[[], T]) -> tuple[float, T]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def _peak_megabytes() -> int:
    """Of a new process that labels one picture; Linux counts its memory in kB, macOS in bytes.

    Another process draws it, because that takes more memory, and a process begins with the peak of
    the one that starts it.
    """
    return int(_in_process("label", _in_process("draw")))


def _in_process(task: str, data: bytes = b"") -> bytes:
    command = [sys.executable, "-m", "tests.bench.cost", task]
    done = subprocess.run(command, cwd=PROJECT, input=data, capture_output=True, check=True)
    return done.stdout


if __name__ == "__main__":
    import resource

    if sys.argv[1] == "draw":
        sys.stdout.buffer.write(photograph(LARGE_SIDE))
        sys.exit()
    labelled(sys.stdin.buffer.read(), _kinds()[-1][1])
    unit = 1_000_000 if sys.platform == "darwin" else 1000
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit)
