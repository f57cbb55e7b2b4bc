"""Endpoints of a customer at ModelArk, which requests name in place of the models."""

import json

import pytest
from django.conf import settings as studio
from django.core.checks import run_checks

from generations.providers import registry
from generations.providers.answers import Answer
from generations.providers.errors import Misconfigured
from generations.providers.modelark import ModelArkProvider
from generations.providers.modelark.engines import ENGINES
from generations.providers.types import GenerationRequest
from tests.conftest import configured
from tests.emulator.modelark import ENDPOINTS

LITE = "modelark/seedream-5-0-lite"
[ENDPOINT] = ENDPOINTS


def adapter(base_url="https://ark.ap-southeast.bytepluses.com/api/v3", key="key"):
    return ModelArkProvider(
        base_url, key, endpoints=[("seedream-5-0-lite", ENDPOINT), ("seedream-4-5", "")]
    )


def order(name):
    asked = GenerationRequest(engine=name, prompt="a fox", resolution="2K", aspect_ratio="1:1")
    return adapter().build_submit(asked)


def test_the_request_carries_the_endpoint_and_other_engines_their_model():
    assert json.loads(order(LITE).body)["model"] == ENDPOINT
    assert json.loads(order("modelark/seedream-4-5").body)["model"] == "seedream-4-5-251128"


def test_name_price_and_capabilities_of_the_engine_stay():
    assert registry.engine(LITE) in ENGINES
    assert adapter().tier(GenerationRequest(engine=LITE, prompt="", resolution="2K")) == "2K"


def test_it_makes_images_and_the_probe_asks_it(emulator):
    at_emulator = adapter(emulator.base_url("modelark"), emulator.key("modelark"))
    emulator.small, emulator.seconds = True, 0.0
    result = at_emulator.submit(order(LITE), timeout=10)
    assert len(result.images) == 1
    assert emulator.submits("modelark")[0].body["model"] == ENDPOINT
    assert "Seedream 5.0 Lite" in at_emulator.probe()
    assert ENDPOINT in {call.body["model"] for call in emulator.submits("modelark")[1:]}


def test_what_it_costs_is_the_price_of_its_model():
    body = {
        "model": ENDPOINT,
        "data": [{"url": "https://files.example/1.jpg", "size": "2048x2048"}],
        "usage": {"generated_images": 1},
    }
    result = adapter().parse_submit(Answer(200, {}, json.dumps(body).encode()))
    assert str(result.cost_usd) == "0.035"


@pytest.mark.parametrize("wrong", ["seedream-4-5-251128", "ep-", "ep-1 2", "https://ep-1"])
def test_an_invalid_endpoint_names_its_setting(wrong):
    with pytest.raises(Misconfigured, match="MODELARK_ENDPOINT_SEEDREAM_4_5 must be"):
        ModelArkProvider("https://ark.example", "key", endpoints=[("seedream-4-5", wrong)])


def test_an_invalid_endpoint_is_reported_at_the_start(emulator, settings):
    provider = configured(emulator, "modelark", slots=(1, 2))
    provider["options"] = {"endpoints": (("seedream-4-5", "nonsense"),)}
    settings.PROVIDERS = {"modelark": provider}
    [warning] = [message for message in run_checks() if message.id == "generations.W004"]
    assert "MODELARK_ENDPOINT_SEEDREAM_4_5" in warning.msg


def test_each_engine_has_a_setting_and_no_other():
    models = {engine.name.partition("/")[2] for engine in ENGINES}
    assert studio.MODELARK_ENDPOINTS.keys() == models
