"""ModelArk's models: what each can do, what it costs, and what it is called in each region.

Facts: "Image generation API" (docs.byteplus.com/en/docs/ModelArk/1541523), "Model list and prices"
(ModelArk/1544106) and the console's model cards, read in autumn 2026. Prices are those of BytePlus
in US dollars; Volcengine bills in yuan.

Not offered, although the API has it: `optimize_prompt_options` (only 4.0 and 5.0 Pro take a value
other than its default), web search (BytePlus refuses it), and the layers and the transparent
background of 5.0 Pro (separate tasks on one reference). These models have no seed, guidance or
negative prompt.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from math import ceil
from urllib.parse import urlsplit

from generations.providers.capabilities import (
    CUSTOM,
    Capabilities,
    Engine,
    ReferenceDelivery,
    SuggestedPrice,
)
from generations.providers.errors import Misconfigured
from generations.providers.modelark.sizes import (
    SEEDREAM_4_0_SIZES,
    SEEDREAM_4_0_WINDOW,
    SEEDREAM_4_5_WINDOW,
    SEEDREAM_5_0_LITE_SIZES,
    SEEDREAM_5_0_LITE_WINDOW,
    SEEDREAM_5_0_PRO_SIZES,
    SEEDREAM_5_0_PRO_WINDOW,
)
from generations.providers.sizes import SEEDREAM_4_5_SIZES

VOLCENGINE = "volces.com"
EU_HOST = "ark.eu-west.bytepluses.com"

LINK_LIFE = timedelta(hours=24)
# Public clients commonly allow 300 s for one image and 40 s for each further one, up to 900 s. One
# image was measured at 26 to 43 s, the second of a set at 48 s.
ONE_SECONDS = 300.0
SET_SECONDS = 900.0

# 5.0 Pro has the lower price up to 2.36 million pixels. The first reference is free.
PRO_LOW_PIXELS = 2_360_000
PRO_LOW, PRO_HIGH, PRO_REFERENCE = Decimal("0.045"), Decimal("0.09"), Decimal("0.003")
PRICES = {"4-0": Decimal("0.03"), "4-5": Decimal("0.04"), "5-0-lite": Decimal("0.035")}

# What every model has. No limit for prompts is published: the page advises fewer than 600 English
# words, and other providers of these models limit prompts to 4000 characters.
ONE_IMAGE = Capabilities(
    prompt_limit=4000,
    max_images=10,
    images_per_request=1,
    sizes={},
    max_references=14,
    reference_delivery=ReferenceDelivery.INLINE,
    answers_at_once=True,
    submit_timeout_seconds=ONE_SECONDS,
    link_life_seconds=LINK_LIFE.total_seconds(),
)
# References and images of one call are limited to 15 together.
WITH_SETS = replace(
    ONE_IMAGE,
    images_per_sequence=15,
    max_images_and_references=15,
    submit_timeout_seconds=SET_SECONDS,
)


def _flat(tiers: Iterable[str], cost: Decimal) -> tuple[SuggestedPrice, ...]:
    credits = ceil(cost * 100)
    return tuple(
        SuggestedPrice(tier=tier, credits=credits, cost_usd=cost) for tier in (*tiers, CUSTOM)
    )


SEEDREAM_4_0 = Engine(
    name="modelark/seedream-4-0",
    label="Seedream 4.0",
    model="seedream-4-0-250828",
    capabilities=replace(WITH_SETS, sizes=SEEDREAM_4_0_SIZES, custom_size=SEEDREAM_4_0_WINDOW),
    prices=_flat(SEEDREAM_4_0_SIZES, PRICES["4-0"]),
)
SEEDREAM_4_5 = Engine(
    name="modelark/seedream-4-5",
    label="Seedream 4.5",
    model="seedream-4-5-251128",
    capabilities=replace(WITH_SETS, sizes=SEEDREAM_4_5_SIZES, custom_size=SEEDREAM_4_5_WINDOW),
    prices=_flat(SEEDREAM_4_5_SIZES, PRICES["4-5"]),
)
SEEDREAM_5_0_LITE = Engine(
    name="modelark/seedream-5-0-lite",
    label="Seedream 5.0 Lite",
    # `seedream-5-0-lite-260128` is an alias of it.
    model="seedream-5-0-260128",
    capabilities=replace(
        WITH_SETS,
        sizes=SEEDREAM_5_0_LITE_SIZES,
        custom_size=SEEDREAM_5_0_LITE_WINDOW,
        output_formats=("jpeg", "png"),
        typical_seconds={"2K": 26},
    ),
    prices=_flat(SEEDREAM_5_0_LITE_SIZES, PRICES["5-0-lite"]),
)
SEEDREAM_5_0_PRO = Engine(
    name="modelark/seedream-5-0-pro",
    label="Seedream 5.0 Pro",
    model="dola-seedream-5-0-pro-260628",
    capabilities=replace(
        ONE_IMAGE,
        sizes=SEEDREAM_5_0_PRO_SIZES,
        custom_size=SEEDREAM_5_0_PRO_WINDOW,
        max_references=10,
        output_formats=("jpeg", "png"),
        typical_seconds={"1K": 43},
    ),
    prices=tuple(
        SuggestedPrice(
            tier=tier,
            credits=ceil(cost * 100),
            cost_usd=cost,
            # The first one is free ("Model list and prices").
            credits_per_reference=PRO_REFERENCE * 100,
            cost_usd_per_reference=PRO_REFERENCE,
            free_references=1,
        )
        for tier, cost in (("1K", PRO_LOW), ("2K", PRO_HIGH))
    ),
)
ENGINES = (SEEDREAM_4_0, SEEDREAM_4_5, SEEDREAM_5_0_LITE, SEEDREAM_5_0_PRO)

# Answers name the model as the request did, or without its date.
MODEL = re.compile(r"(?:dola-)?seedream-(4-0|4-5|5-0-pro|5-0)(?:-lite)?(?:-\d+)?")

# The console makes ids of `ep-`, the time, and five letters or digits.
ENDPOINT = re.compile(r"ep-[A-Za-z0-9-]{1,80}")


def pro_tier(pixels: int) -> str:
    """The price tier of 5.0 Pro. It depends on the pixels, so 1.5K may be in either."""
    return "1K" if pixels <= PRO_LOW_PIXELS else "2K"


def is_volcengine(base_url: str) -> bool:
    """Whether `base_url` belongs to Volcengine, which has the same API for China."""
    return f".{_host(base_url)}".endswith(f".{VOLCENGINE}")


def model_at(base_url: str, model: str) -> str:
    """What `model` is called at `base_url`.

    Volcengine's ids begin with `doubao-`, also where those of BytePlus begin with `dola-`, as for
    5.0 Pro (`doubao-seedream-5-0-pro-260628`, volcengine.com/docs/82379/1541523, read in autumn
    2026).
    """
    return f"doubao-{model.removeprefix('dola-')}" if is_volcengine(base_url) else model


def engines_at(base_url: str) -> tuple[Engine, ...]:
    """The engines that are served at `base_url`, with their models' names there.

    Of the image models, the EU region has only 5.0 Lite ("Model list and prices").
    """
    served = (SEEDREAM_5_0_LITE,) if _host(base_url) == EU_HOST else ENGINES
    return tuple(replace(engine, model=model_at(base_url, engine.model)) for engine in served)


def checked_endpoints(endpoints: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Endpoint ids by engine name, from pairs of an engine's model and an id; without empty ids.

    Raises `Misconfigured` for a value that is not an endpoint id.
    """
    given = {f"modelark/{model}": endpoint.strip() for model, endpoint in endpoints}
    for name, endpoint in given.items():
        if endpoint and not ENDPOINT.fullmatch(endpoint):
            setting = "MODELARK_ENDPOINT_" + name.partition("/")[2].upper().replace("-", "_")
            raise Misconfigured(
                f"{setting} must be the id of an endpoint, such as ep-20260101120000-abcde."
            )
    return {name: endpoint for name, endpoint in given.items() if endpoint}


def cost_usd(model: str, images: int, pixels: int, references: int) -> Decimal | None:
    """What BytePlus bills for `images` of `pixels` each, in US dollars; None if that is unknown."""
    found = MODEL.fullmatch(model.replace(".", "-"))
    if not found:
        return None
    if found[1] != "5-0-pro":
        return images * PRICES["5-0-lite" if found[1] == "5-0" else found[1]]
    if not pixels:
        return None
    each = PRO_LOW if pixels <= PRO_LOW_PIXELS else PRO_HIGH
    return images * each + max(0, references - 1) * PRO_REFERENCE


def region_of(base_url: str) -> str:
    """The platform and region of `base_url` for people to read; empty for any other address."""
    regions = {
        EU_HOST: "BytePlus, Europe: Seedream 5.0 Lite only",
        "ark.ap-southeast.bytepluses.com": "BytePlus, Asia Pacific",
        "ark.cn-beijing.volces.com": "Volcengine, Beijing; billed in yuan",
    }
    return regions.get(_host(base_url), "")


def _host(base_url: str) -> str:
    try:
        return urlsplit(base_url).hostname or ""
    except ValueError:
        return ""
