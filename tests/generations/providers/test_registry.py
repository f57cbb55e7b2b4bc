"""Providers, engines and adapters as the settings configure them."""

import pytest

from generations.providers import registry
from generations.providers.apixo import ApixoProvider
from generations.providers.capabilities import LONGEST_CALL_SECONDS
from generations.providers.errors import Misconfigured

APIXO = "apixo/seedream-4-5"
# The first 12 hexadecimal digits of SHA-256, computed with sha256sum.
FINGERPRINTS = {"first-key": "9e24b55356ef", "second-key": "f397f260a275"}


@pytest.fixture
def configure(settings):
    def configure(**keys):
        settings.PROVIDERS = {
            "apixo": {
                "base_url": "https://api.example/v1",
                "keys": {int(slot[1:]): key for slot, key in keys.items()},
            }
        }

    settings.DEMO = False
    configure()
    return configure


def test_a_provider_is_configured_when_it_has_a_key(configure):
    assert registry.engines() == {}
    configure(_1="first-key")
    assert list(registry.engines()) == [APIXO]


def test_engines_are_worked_out_once_for_each_configuration(configure):
    configure(_1="first-key")
    before = registry.engines()
    assert registry.engines() is before
    assert registry.known_engines() is registry.known_engines()
    configure()
    assert registry.engines() == {}


def test_nobody_changes_the_engines_of_all(configure):
    with pytest.raises(TypeError):
        registry.known_engines()["other/engine"] = None


def test_the_demo_engine_is_there_when_it_is_switched_on(configure, settings):
    settings.DEMO = True
    assert {engine.provider for engine in registry.engines().values()} == {"demo"}
    assert registry.slots("demo") == {1: "demo"}


def test_prices_need_every_engine_with_or_without_a_key(configure):
    known = registry.known_engines()
    assert {engine.provider for engine in known.values()} == set(registry.provider_names())
    assert all(engine.prices for engine in known.values())
    assert registry.engine(APIXO) is known[APIXO]


def test_no_submit_may_take_longer_than_an_ending_worker_waits(configure):
    ables = [engine.capabilities for engine in registry.known_engines().values()]
    assert max(able.submit_timeout_seconds for able in ables) <= LONGEST_CALL_SECONDS


def test_an_engine_that_does_not_exist(configure):
    with pytest.raises(KeyError):
        registry.engine("apixo/other")


def test_a_slot_shows_a_fingerprint_never_the_key(configure):
    configure(_1="first-key", _3="second-key")
    assert registry.slots("apixo") == {1: FINGERPRINTS["first-key"], 3: FINGERPRINTS["second-key"]}
    assert registry.slots("nobody") == {}


def test_a_key_from_a_file_ends_in_a_line_break(configure):
    configure(_1="first-key\n", _2=" \n")
    assert registry.slots("apixo") == {1: FINGERPRINTS["first-key"]}
    assert registry.adapter("apixo").credentials() == {"Authorization": "Bearer first-key"}


def test_an_adapter_is_made_once_for_each_configuration(configure):
    configure(_1="first-key", _2="second-key")
    first, second = registry.adapter("apixo"), registry.adapter("apixo", 2)
    assert isinstance(first, ApixoProvider)
    assert registry.adapter("apixo", 1) is first
    assert second is not first
    configure(_1="third-key")
    assert registry.adapter("apixo") is not first


@pytest.mark.parametrize(("provider", "slot"), [("apixo", 2), ("nobody", 1), ("demo", 1)])
def test_an_unconfigured_key_has_no_adapter(configure, provider, slot):
    configure(_1="first-key")
    with pytest.raises(Misconfigured):
        registry.adapter(provider, slot)


def test_an_invalid_address_is_reported(configure, settings):
    configure(_1="first-key")
    settings.PROVIDERS["apixo"]["base_url"] = "http://api.example"
    with pytest.raises(Misconfigured, match="https"):
        registry.adapter("apixo")


def test_private_hosts_reach_the_adapter(configure, settings):
    configure(_1="first-key")
    settings.PROVIDERS["apixo"]["base_url"] = "http://gateway.internal:8080"
    settings.PROVIDER_PRIVATE_HOSTS = ["gateway.internal:8080"]
    assert registry.adapter("apixo").base_url == "http://gateway.internal:8080"


def test_an_unknown_provider_has_no_adapter_class():
    with pytest.raises(Misconfigured):
        registry.adapter_class("nobody")
