"""The frames of runs, as a page shows them: pictures, what is on its way, and what did not come.

    frames of a run = images + open slots + missing, in the order of their positions

Everything is a finished string: templates repeat a frame hundreds of times and compute nothing.
The number of queries is the same for any number of runs.
"""

from collections.abc import Sequence
from dataclasses import replace

from accounts.models import User
from generations.models import Generation, Run
from generations.reading.frames.frame import (
    Frame,
    State,
    alt_text,
    preview_frame,
    shape_of_frames,
    shortened,
)
from generations.reading.frames.missing import brought_all, missing
from generations.reading.frames.rows import Gathered, gather
from generations.reading.frames.waiting import waiting
from generations.states import ENDED

__all__ = [
    "Frame",
    "State",
    "alt_text",
    "frames_of",
    "preview_frame",
    "shape_of_frames",
    "shortened",
]


def frames_of(runs: Sequence[Run], *, viewer: User) -> dict[int, list[Frame]]:
    """The frames of each run by its key, with buttons for what `viewer` may do."""
    rows = gather(runs, viewer)
    return {run.pk: _frames(run, rows, viewer) for run in runs}


def _frames(run: Run, rows: Gathered, viewer: User) -> list[Frame]:
    frames = {
        preview.image.position: preview_frame(preview, prompt=run.prompt)
        for preview in rows.previews.get(run.pk, ())
    }
    for generation, positions in _empty_places(run, rows, taken=set(frames)):
        without_picture = missing if generation.status in ENDED else waiting
        frames |= without_picture(generation, positions, rows, viewer)
    hidden = [p.image.position for p in rows.previews.get(run.pk, ()) if p.image.hidden_at]
    shown = [frames[position] for position in sorted(frames) if position not in hidden]
    return _pressed_once(shown)


def _pressed_once(frames: list[Frame]) -> list[Frame]:
    """One press asks for all that is missing: its button stands where it is advised first."""
    seen: set[str] = set()
    kept = []
    for frame in frames:
        remedies = tuple(each for each in frame.remedies if each.path not in seen)
        seen |= {each.path for each in remedies if each.path}
        kept.append(replace(frame, remedies=remedies))
    return kept


def _empty_places(
    run: Run, rows: Gathered, *, taken: set[int]
) -> list[tuple[Generation, list[int]]]:
    """Each request with the places that it has not filled; one made later takes places over."""
    generations = rows.generations[run.pk]
    # A set is asked for anew as one request, for all that the ones before it left empty.
    asked = generations[-1:] if run.options.get("sequential") else generations
    owners = {
        position: generation
        for generation in asked
        for position in range(generation.position, generation.position + generation.wanted)
        if position not in taken
    }
    places = [
        (generation, [position for position, owner in owners.items() if owner is generation])
        for generation in asked
        if not brought_all(generation, rows)
    ]
    return [(generation, positions) for generation, positions in places if positions]
