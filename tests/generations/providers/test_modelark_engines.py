"""ModelArk's models: which of them a key may use, their names by region, sizes and prices."""

import pytest

from generations.providers.answers import Answer
from generations.providers.capabilities import CUSTOM
from generations.providers.errors import Code, NotSent, Refused, Unavailable
from generations.providers.modelark.adapter import ModelArkProvider
from generations.providers.modelark.engines import (
    ENGINES,
    SEEDREAM_4_0,
    SEEDREAM_4_5,
    SEEDREAM_5_0_LITE,
    SEEDREAM_5_0_PRO,
)
from tests.emulator import Trouble, troubles
from tests.generations.providers.test_modelark import TestModelArk as ModelArk
from tests.generations.providers.test_modelark import error

VOLCENGINE = "https://ark.cn-beijing.volces.com/api/v3"
EU = "https://ark.eu-west.bytepluses.com/api/v3"


@pytest.fixture
def adapter(emulator):
    return ModelArkProvider(emulator.base_url("modelark"), emulator.key("modelark"))


# The probe


def test_a_probe_names_the_models_that_are_not_activated(adapter, emulator):
    closed = troubles.status(404, body=error("ModelNotOpen"))
    emulator.script("modelark", "submit", Trouble(), closed)
    said = adapter.probe()
    assert "Seedream 4.0, Seedream 5.0 Lite, Seedream 5.0 Pro" in said
    assert "not for Seedream 4.5 (not_found ModelNotOpen)" in said


def test_a_probe_fails_where_no_model_is_activated(adapter, emulator):
    closed = troubles.status(404, body=error("ModelNotOpen"), times=4)
    emulator.script("modelark", "submit", closed)
    with pytest.raises(Refused) as raised:
        adapter.probe()
    assert (raised.value.code, raised.value.raw_code) == (Code.NOT_FOUND, "ModelNotOpen")


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (troubles.status(429), Unavailable),
        (troubles.status(500), Unavailable),
        (troubles.status(403, body=error("AccountOverdueError")), Refused),
        (troubles.lost_answer(), Unavailable),
        (Trouble(status=200, body={}), Unavailable),
    ],
)
def test_a_probe_reports_trouble(adapter, emulator, trouble, kind):
    emulator.script("modelark", "submit", trouble)
    with pytest.raises(kind):
        adapter.probe()


def test_a_probe_of_a_provider_out_of_reach(closed_port):
    with pytest.raises(NotSent):
        ModelArkProvider(f"http://127.0.0.1:{closed_port}", "key").probe()


# Regions


def model_sent(base_url, engine):
    adapter = ModelArkProvider(base_url, "key")
    request = ModelArk().ask(engine)
    return adapter.build_submit(request).body.decode()


@pytest.mark.parametrize(
    ("engine", "model"),
    [
        (SEEDREAM_4_0, "doubao-seedream-4-0-250828"),
        (SEEDREAM_4_5, "doubao-seedream-4-5-251128"),
        (SEEDREAM_5_0_LITE, "doubao-seedream-5-0-260128"),
        (SEEDREAM_5_0_PRO, "doubao-seedream-5-0-pro-260628"),
    ],
)
def test_volcengine_has_its_own_names(engine, model):
    assert f'"model": "{model}"' in model_sent(VOLCENGINE, engine)
    assert model in [each.model for each in ModelArkProvider.engines_at(VOLCENGINE)]


@pytest.mark.parametrize("base_url", ["https://volces.com.example/api", "https://notvolces.com"])
def test_a_host_that_only_looks_like_volcengine_is_not(base_url):
    assert '"model": "seedream-4-5-251128"' in model_sent(base_url, SEEDREAM_4_5)


def test_volcengine_bills_in_yuan():
    adapter = ModelArkProvider(VOLCENGINE, "key")
    body = b'{"model": "seedream-4-5", "data": [{"url": "u"}], "usage": {"generated_images": 1}}'
    assert adapter.parse_submit(Answer(200, {}, body)).cost_usd is None


def test_the_eu_region_serves_one_model():
    assert [engine.name for engine in ModelArkProvider.engines_at(EU)] == [SEEDREAM_5_0_LITE.name]


@pytest.mark.parametrize(
    "base_url", ["", "http://[", "https://ark.ap-southeast.bytepluses.com/api/v3"]
)
def test_elsewhere_all_are_served(base_url):
    assert tuple(ModelArkProvider.engines_at(base_url)) == ENGINES


# The engines


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_size_is_within_the_models_own_window(engine):
    able = engine.capabilities
    for ratios in able.sizes.values():
        for ratio, (width, height) in ratios.items():
            assert able.custom_size.allows(width, height)
            across, down = map(int, ratio.split(":"))
            assert width / height == pytest.approx(across / down, rel=0.02)
    portrait = {(h, w) for ratios in able.sizes.values() for w, h in ratios.values() if w < h}
    assert portrait <= {size for ratios in able.sizes.values() for size in ratios.values()}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_the_sides_of_a_window_are_where_its_limits_meet(engine):
    window = engine.capabilities.custom_size
    assert window.allows(window.min_side * 16, window.min_side)
    assert (window.min_side - 1) ** 2 * 16 < window.min_pixels
    assert window.max_side * (window.max_side // 16) <= window.max_pixels
    assert (window.max_side + 1) ** 2 > window.max_pixels * 16


def test_the_engines_are_what_the_page_says():
    ables = {engine.label: engine.capabilities for engine in ENGINES}
    assert {label: tuple(able.sizes) for label, able in ables.items()} == {
        "Seedream 4.0": ("1K", "2K", "4K"),
        "Seedream 4.5": ("2K", "4K"),
        "Seedream 5.0 Lite": ("2K", "3K", "4K"),
        "Seedream 5.0 Pro": ("1K", "1.5K", "2K"),
    }
    assert [able.max_references for able in ables.values()] == [14, 14, 14, 10]
    assert [able.images_per_sequence for able in ables.values()] == [15, 15, 15, 0]
    assert [able.submit_timeout_seconds for able in ables.values()] == [900, 900, 900, 300]
    both = ("jpeg", "png")
    assert [able.output_formats for able in ables.values()] == [(), (), both, both]
    for able in ables.values():
        assert able.answers_at_once
        assert not any((able.takes_idempotency_key, able.can_cancel, able.webhook, able.polls))


def test_prices_are_those_of_the_page():
    prices = {
        engine.label: {price.tier: (price.credits, str(price.cost_usd)) for price in engine.prices}
        for engine in ENGINES
    }
    assert prices == {
        "Seedream 4.0": dict.fromkeys(("1K", "2K", "4K", "custom"), (3, "0.03")),
        "Seedream 4.5": dict.fromkeys(("2K", "4K", "custom"), (4, "0.04")),
        "Seedream 5.0 Lite": dict.fromkeys(("2K", "3K", "4K", "custom"), (4, "0.035")),
        "Seedream 5.0 Pro": {"1K": (5, "0.045"), "2K": (9, "0.09")},
    }


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_size_has_a_price(engine):
    priced = {price.tier for price in engine.prices}
    contract = ModelArk()
    requests = [
        contract.ask(engine, resolution=resolution, aspect_ratio=ratio)
        for resolution in engine.capabilities.sizes
        for ratio in engine.capabilities.aspect_ratios(resolution)
    ]
    free = contract.ask(engine, resolution=CUSTOM, aspect_ratio="", width=2000, height=2000)
    assert {ModelArkProvider.tier(request) for request in [*requests, free]} == priced


@pytest.mark.parametrize(
    ("changes", "tier"),
    [
        ({"resolution": "1.5K", "aspect_ratio": "1:1"}, "1K"),
        ({"resolution": "1.5K", "aspect_ratio": "21:9"}, "2K"),
        ({"resolution": CUSTOM, "aspect_ratio": "", "width": 1475, "height": 1600}, "1K"),
        ({"resolution": CUSTOM, "aspect_ratio": "", "width": 1476, "height": 1600}, "2K"),
        ({"resolution": "8K", "aspect_ratio": ""}, "8K"),
    ],
)
def test_the_pro_model_costs_by_pixels(changes, tier):
    request = ModelArk().ask(SEEDREAM_5_0_PRO, **changes)
    assert ModelArkProvider.tier(request) == tier
