"""Reads the labels of any file with what only this studio knows: its roots and its mark's keys."""

import logging
from functools import partial

from generations import certificates, mark_keys
from generations.labelling import mark
from generations.labelling.inspecting.layers import Layers, ReadMark, read_layers

logger = logging.getLogger(__name__)


def look(data: bytes, *, pixels: bool = True) -> Layers:
    """Everything that a file says about its origin. With `pixels`, they are decoded for the mark.

    Raises nothing for what is in the file.
    """
    return read_layers(data, roots=certificates.roots(), mark=_mark() if pixels else None)


def _mark() -> ReadMark | None:
    """Reads the imperceptible mark with every key of the studio; None if it has none."""
    try:
        keys = mark_keys.markers()
    except mark_keys.MarkKeyError as error:
        logger.warning("the imperceptible mark was not looked for: %s", error)
        return None
    return partial(mark.read, keys=keys) if keys else None
