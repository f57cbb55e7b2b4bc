"""Which providers and engines there are, and the adapter for each key: settings end here.

Adapters are named by dotted path and imported on first use, so a broken one takes no other down.
A provider is configured when it has a key; the demo engine, which needs none, when `DEMO` is on.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

from generations.providers.base import ImageProvider
from generations.providers.errors import Misconfigured
from generations.providers.types import Engine

DEMO = "demo"
DEMO_FINGERPRINT = "demo"

ADAPTERS = {
    "apiframe": "generations.providers.apiframe.ApiframeProvider",
    "apipod": "generations.providers.apipod.ApipodProvider",
    "apixo": "generations.providers.apixo.ApixoProvider",
    "fal": "generations.providers.fal.FalProvider",
    "modelark": "generations.providers.modelark.ModelArkProvider",
    "replicate": "generations.providers.replicate.ReplicateProvider",
    "seedance": "generations.providers.seedance.SeedanceProvider",
    DEMO: "generations.providers.demo.DemoProvider",
}


def provider_names() -> tuple[str, ...]:
    """Every provider that the studio can speak to, configured or not."""
    return tuple(ADAPTERS)


def adapter_class(provider: str) -> type[ImageProvider]:
    """The adapter of `provider`. Raises `Misconfigured` for a name that has none."""
    if provider not in ADAPTERS:
        raise Misconfigured(f"There is no provider called {provider}.")
    return cast(type[ImageProvider], import_string(ADAPTERS[provider]))


def slots(provider: str) -> dict[int, str]:
    """The configured keys of `provider`: fingerprint (never the key) by slot; empty for none."""
    if provider == DEMO:
        return {1: DEMO_FINGERPRINT} if settings.DEMO else {}
    return {slot: fingerprint(key) for slot, key in _keys(provider).items()}


def fingerprint(key: str) -> str:
    """What a key is called: the first 12 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def engines() -> dict[str, Engine]:
    """The engines of configured providers by name: what a person may pick."""
    return _by_name(
        engine
        for provider in provider_names()
        if slots(provider)
        for engine in adapter_class(provider).engines_at(_configured(provider).get("base_url", ""))
    )


def known_engines() -> dict[str, Engine]:
    """The engines of all providers by name, with or without a key."""
    return _by_name(
        engine for provider in provider_names() for engine in adapter_class(provider).engines
    )


def _by_name(engines: Iterable[Engine]) -> dict[str, Engine]:
    return {engine.name: engine for engine in engines}


def engine(name: str) -> Engine:
    """The engine called `name`, with or without a key. Raises `KeyError`."""
    provider = name.partition("/")[0]
    if provider not in ADAPTERS:
        raise KeyError(name)
    return adapter_class(provider).engine(name)


def full_label(engine: Engine) -> str:
    """Model and provider as people read them; the demo engine's own label says both."""
    if engine.provider == DEMO:
        return engine.label
    return f"{engine.label}, {adapter_class(engine.provider).label}"


def adapter(provider: str, slot: int = 1) -> ImageProvider:
    """The adapter for one key, the same object while the settings stay the same.

    Raises `Misconfigured` where the provider or the key is missing or can't be right.
    """
    if slot not in slots(provider):
        raise Misconfigured(f"The provider {provider} has no key in slot {slot}.")
    if provider == DEMO:
        return _demo_adapter(settings.PROVIDER_TIME_SCALE)
    configured = _configured(provider)
    return _adapter(
        provider,
        configured["base_url"],
        _keys(provider)[slot],
        tuple(settings.PROVIDER_PRIVATE_HOSTS),
        tuple(configured.get("options", {}).items()),
    )


@lru_cache(maxsize=64)
def _adapter(
    provider: str,
    base_url: str,
    key: str,
    private_hosts: tuple[str, ...],
    options: tuple[tuple[str, str], ...],
) -> ImageProvider:
    make = cast(Any, adapter_class(provider))
    return cast(ImageProvider, make(base_url, key, private_hosts=private_hosts, **dict(options)))


@lru_cache(maxsize=1)
def _demo_adapter(time_scale: float) -> ImageProvider:
    make = cast(Any, adapter_class(DEMO))
    return cast(ImageProvider, make(time_scale=time_scale))


def _keys(provider: str) -> dict[int, str]:
    # A key read from a file ends in a line break.
    keys = {slot: key.strip() for slot, key in _configured(provider).get("keys", {}).items()}
    return {slot: key for slot, key in keys.items() if key}


def _configured(provider: str) -> dict[str, Any]:
    return settings.PROVIDERS.get(provider, {})
