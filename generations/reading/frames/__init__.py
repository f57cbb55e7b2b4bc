"""The frames of runs: images, images that are still to come, and images that did not come.

  frames of a run = images + waiting + missing, in the order of positions

Every text is ready to print, because templates repeat a frame hundreds of times and compute
nothing. The number of queries does not depend on the number of runs.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from django.urls import get_script_prefix

from accounts.models import User
from generations.models import Generation, Run
from generations.reading.frames.frame import (
    ALT_LENGTH,
    Frame,
    FrameState,
    alt_text,
    preview_frame,
    shape_of_frames,
    shortened,
)
from generations.reading.frames.missing import brought_all, missing
from generations.reading.frames.rows import Gathered, Preview, gather
from generations.reading.frames.waiting import waiting
from generations.states import ENDED

__all__ = [
    "ALT_LENGTH",
    "Frame",
    "FrameState",
    "alt_text",
    "frames_of",
    "preview_frame",
    "shape_of_frames",
    "shortened",
]


# The most runs whose frames a process keeps. Only runs that show nothing but images are kept.
MOST_RUNS = 500


def frames_of(runs: Sequence[Run], *, viewer: User) -> dict[int, list[Frame]]:
    """The frames of each run by its primary key, with buttons for what `viewer` may do."""
    rows = gather(runs, viewer)
    return {run.pk: _frames(run, rows, viewer) for run in runs}


def _frames(run: Run, rows: Gathered, viewer: User) -> list[Frame]:
    previews = rows.previews.get(run.pk, [])
    # All images of a run are made from the same pictures.
    alt = alt_text(run.prompt, *(preview.source for preview in previews[:1]))
    if run.pk not in rows.generations:
        return list(_images(tuple(previews), alt, get_script_prefix()))
    frames = {preview.position: preview_frame(preview, alt=alt) for preview in previews}
    for generation, positions in _empty_positions(run, rows, taken=set(frames)):
        without_image = missing if generation.status in ENDED else waiting
        frames |= without_image(generation, positions, rows, viewer)
    hidden = {preview.position for preview in previews if preview.is_left_out}
    shown = [frames[position] for position in sorted(frames) if position not in hidden]
    return _pressed_once(shown)


@lru_cache(maxsize=MOST_RUNS)
def _images(previews: tuple[Preview, ...], alt: str, prefix: str) -> tuple[Frame, ...]:
    """The frames of a run that shows nothing but images; their addresses begin with `prefix`."""
    ordered = sorted(previews, key=lambda preview: preview.position)
    return tuple(preview_frame(each, alt=alt) for each in ordered if not each.is_left_out)


def _pressed_once(frames: list[Frame]) -> list[Frame]:
    """Keep each remedy's button only in its first frame: one press asks for all missing images."""
    seen: set[str] = set()
    kept = []
    for frame in frames:
        remedies = tuple(each for each in frame.remedies if each.path not in seen)
        seen |= {each.path for each in remedies if each.path}
        pressed = remedies != frame.remedies
        kept.append(replace(frame, remedies=remedies) if pressed else frame)
    return kept


def _empty_positions(
    run: Run, rows: Gathered, *, taken: set[int]
) -> list[tuple[Generation, list[int]]]:
    """The requests with their positions without an image. A later request takes over positions."""
    generations = rows.generations[run.pk]
    # A set is tried again as one request for all positions that earlier requests left empty.
    asked = generations[-1:] if run.options.get("sequential") else generations
    owners = {
        position: generation
        for generation in asked
        for position in range(generation.position, generation.position + generation.wanted)
        if position not in taken
    }
    empty = [
        (generation, [position for position, owner in owners.items() if owner is generation])
        for generation in asked
        if not brought_all(generation, rows)
    ]
    return [(generation, positions) for generation, positions in empty if positions]
