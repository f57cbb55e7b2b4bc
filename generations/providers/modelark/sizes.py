"""Exact sizes in pixels by model, tier and aspect ratio, and the limits of custom sizes.

Facts: the reference tables of "Seedream image generation"
(docs.byteplus.com/en/docs/ModelArk/1824121 and volcengine.com/docs/82379/1824121) and the limits of
"Image generation API" (ModelArk/1541523), read in autumn 2026. Older editions of the tables have
other pixels for 16:9 and 21:9 at 1K and 2K. All lie within the limits, and we use the newer ones.
The API has no field for a ratio, and chooses the shape itself if it is sent a tier. So we send
pixels.
"""

from collections.abc import Mapping

from generations.providers.capabilities import CustomSize
from generations.providers.sizes import SEEDREAM_4_5_SIZES

Sizes = Mapping[str, Mapping[str, tuple[int, int]]]

MAX_RATIO = 16

SEEDREAM_4_0_SIZES: Sizes = {
    "1K": {
        "1:1": (1024, 1024),
        "2:3": (832, 1248),
        "3:2": (1248, 832),
        "3:4": (864, 1152),
        "4:3": (1152, 864),
        "9:16": (736, 1312),
        "16:9": (1312, 736),
        "21:9": (1568, 672),
    },
    **SEEDREAM_4_5_SIZES,
}

SEEDREAM_5_0_LITE_SIZES: Sizes = {
    "2K": SEEDREAM_4_5_SIZES["2K"],
    "3K": {
        "1:1": (3072, 3072),
        "2:3": (2496, 3744),
        "3:2": (3744, 2496),
        "3:4": (2592, 3456),
        "4:3": (3456, 2592),
        "9:16": (2304, 4096),
        "16:9": (4096, 2304),
        "21:9": (4704, 2016),
    },
    "4K": SEEDREAM_4_5_SIZES["4K"],
}

SEEDREAM_5_0_PRO_SIZES: Sizes = {
    "1K": {
        "1:1": (1024, 1024),
        "2:3": (832, 1248),
        "3:2": (1248, 832),
        "3:4": (864, 1152),
        "4:3": (1152, 864),
        "9:16": (800, 1424),
        "16:9": (1424, 800),
        "21:9": (1568, 672),
    },
    "1.5K": {
        "1:1": (1536, 1536),
        "2:3": (1248, 1872),
        "3:2": (1872, 1248),
        "3:4": (1344, 1792),
        "4:3": (1792, 1344),
        "9:16": (1152, 2048),
        "16:9": (2048, 1152),
        "21:9": (2352, 1008),
    },
    "2K": {
        "1:1": (2048, 2048),
        "2:3": (1664, 2496),
        "3:2": (2496, 1664),
        "3:4": (1776, 2368),
        "4:3": (2368, 1776),
        "9:16": (1584, 2816),
        "16:9": (2816, 1584),
        "21:9": (3136, 1344),
    },
}

# The page limits the pixels and the ratio, not the sides. These limits of the sides follow: the
# short side of the smallest and the long side of the largest image at 16:1.
SEEDREAM_4_0_WINDOW = CustomSize(
    min_side=240,
    max_side=16_384,
    min_pixels=921_600,
    max_pixels=16_777_216,
    max_ratio=MAX_RATIO,
)
SEEDREAM_4_5_WINDOW = CustomSize(
    min_side=480,
    max_side=16_384,
    min_pixels=3_686_400,
    max_pixels=16_777_216,
    max_ratio=MAX_RATIO,
)
SEEDREAM_5_0_LITE_WINDOW = SEEDREAM_4_5_WINDOW
SEEDREAM_5_0_PRO_WINDOW = CustomSize(
    min_side=240,
    max_side=8601,
    min_pixels=921_600,
    max_pixels=4_624_220,
    max_ratio=MAX_RATIO,
)
