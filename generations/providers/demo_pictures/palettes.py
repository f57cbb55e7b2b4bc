"""The colours a picture can have."""

from collections.abc import Sequence
from dataclasses import replace

from generations.providers.demo_pictures.canvas import Palette
from generations.providers.demo_pictures.colour import Colour, from_hex, lightness, mix, vividness


def _palette(colours: str) -> Palette:
    return Palette(*(from_hex(colour) for colour in colours.split()))


# Shadow, deep, mid, light, glow, accent.
PALETTES = {
    "dawn": _palette("1d1733 4a4374 a48aa6 f2c6ae fff0cf f0845a"),
    "red": _palette("22091a 741f3c d1414b f6b084 ffe8c4 f4b63f"),
    "rose": _palette("2b0f20 8c2f55 e07b98 f8cdcb fff1e6 6fa899"),
    "orange": _palette("2a120c 8a3a22 dc7440 f2ba8c fdeedd 3f7d86"),
    "gold": _palette("2a1a08 86571a dca131 f6da92 fff7df 2f6f73"),
    "green": _palette("0d1f17 2a5a3c 7fa36b d5e0b8 fdf6d8 e8a13a"),
    "teal": _palette("062126 12525a 4f9a98 bfe0d3 f6f3df f2a65a"),
    "sky": _palette("0c2340 2f6aa8 7ab4de d2e8f2 fff8ea f28b66"),
    "blue": _palette("0a1330 1f3c88 5b86cf bcd5ee fdf3dd ff9f6b"),
    "violet": _palette("170f33 432a86 8a6bd1 cdbdf0 fbeee6 f2a65a"),
    "pastel": _palette("4b4a6b 8f8fc0 c4b3de f4d6dc fff6e6 7fc4b4"),
    "brown": _palette("1f120c 5b3421 a66b45 dcb48c f9e9cf 4f7f7a"),
    "linen": _palette("3a322b 8a7763 c9b59b ece1cf fffaf0 b5654a"),
    "noir": _palette("0c0d10 2b2e36 7a7f88 cfd0d0 fbf7ee d9b98a"),
    "neon": _palette("0b0620 3a0f6b d12b9b ff9acb ffe6dc 22d3ee"),
}

# How far a palette goes towards the colours of the references.
REFERENCE_SHARE = 0.7


def with_accent(palette: Palette, other: Palette) -> Palette:
    """A palette whose contrast is the main colour of another."""
    return replace(palette, accent=other.mid)


def leaning(palette: Palette, colours: Sequence[Colour]) -> Palette:
    """A palette drawn towards some colours: dark ones to dark parts, the most vivid to accents."""
    if not colours:
        return palette
    ordered = sorted(colours, key=lightness)
    parts = palette.shadow, palette.deep, palette.mid, palette.light, palette.glow
    last = len(parts) - 1
    shadow, deep, mid, light, glow = (
        mix(part, ordered[round(n * (len(ordered) - 1) / last)], REFERENCE_SHARE)
        for n, part in enumerate(parts)
    )
    accent = mix(palette.accent, max(colours, key=vividness), REFERENCE_SHARE)
    return Palette(shadow, deep, mid, light, glow, accent)
