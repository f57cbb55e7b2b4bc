"""Reads the labels of any file with what only this studio knows: its roots and its mark's keys."""

from generations.labelling.layers import Layers, ReadMark, read_layers


def look(data: bytes, *, pixels: bool = True) -> Layers:
    """Everything that a file says about its origin. With `pixels`, they are decoded for the mark.

    Never raises.
    """
    return read_layers(data, roots=_roots(), mark=_mark() if pixels else None)


def _roots() -> str:
    """The certificates (PEM) that are trusted to issue those of signatures."""
    return ""


def _mark() -> ReadMark | None:
    """Reads the imperceptible mark with every key of the studio; None if it has none."""
    return None
