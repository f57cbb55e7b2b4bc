"""Exact sizes in pixels by resolution and aspect ratio, for models that several providers offer."""

from collections.abc import Mapping

# Seedream 4.5: resolutions and ratios as on APIXO's page for seedream-4-5 (read in autumn 2026).
SEEDREAM_4_5_SIZES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "2K": {
        "1:1": (2048, 2048),
        "2:3": (1664, 2496),
        "3:2": (2496, 1664),
        "3:4": (1728, 2304),
        "4:3": (2304, 1728),
        "9:16": (1600, 2848),
        "16:9": (2848, 1600),
        "21:9": (3136, 1344),
    },
    "4K": {
        "1:1": (4096, 4096),
        "2:3": (3328, 4992),
        "3:2": (4992, 3328),
        "3:4": (3520, 4704),
        "4:3": (4704, 3520),
        "9:16": (3040, 5504),
        "16:9": (5504, 3040),
        "21:9": (6240, 2656),
    },
}
