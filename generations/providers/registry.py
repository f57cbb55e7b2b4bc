"""Which providers and engines there are, and the adapter for each key.

Only this module of the package reads the settings. Adapters are named by dotted path and imported
on first use, so a broken one does not affect the others. A provider is configured when it has a
key. The demo engine needs none and is configured when `DEMO` is on.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

from generations.providers.base import ImageProvider
from generations.providers.capabilities import Engine, provider_of
from generations.providers.errors import Misconfigured

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
    """Every provider that the studio has an adapter for, configured or not."""
    return tuple(ADAPTERS)


def adapter_class(provider: str) -> type[ImageProvider]:
    """The adapter class of `provider`. Raises `Misconfigured` for an unknown name."""
    if provider not in ADAPTERS:
        raise Misconfigured(f"There is no provider called {provider}.")
    return cast(type[ImageProvider], import_string(ADAPTERS[provider]))


def slots(provider: str) -> dict[int, str]:
    """The configured keys of `provider`: fingerprints (never keys) by slot; empty for none."""
    if provider == DEMO:
        return {1: DEMO_FINGERPRINT} if settings.DEMO else {}
    return {slot: fingerprint(key) for slot, key in _keys(provider).items()}


@lru_cache(maxsize=64)
def fingerprint(key: str) -> str:
    """How a key is named in pages and logs: the first 12 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def engines() -> Mapping[str, Engine]:
    """The engines of configured providers by name: those that a person may choose.

    The same object as long as the settings stay the same.
    """
    return _engines_at(
        tuple(
            (path, _configured(provider).get("base_url", ""))
            for provider, path in ADAPTERS.items()
            if _has_key(provider)
        )
    )


def known_engines() -> Mapping[str, Engine]:
    """The engines of all providers by name, with or without a key; always the same object."""
    return _known_engines(tuple(ADAPTERS.values()))


@lru_cache(maxsize=16)
def _engines_at(places: tuple[tuple[str, str], ...]) -> Mapping[str, Engine]:
    return _by_name(
        engine for path, base_url in places for engine in import_string(path).engines_at(base_url)
    )


@lru_cache(maxsize=16)
def _known_engines(paths: tuple[str, ...]) -> Mapping[str, Engine]:
    return _by_name(engine for path in paths for engine in import_string(path).engines)


def _by_name(engines: Iterable[Engine]) -> Mapping[str, Engine]:
    return MappingProxyType({engine.name: engine for engine in engines})


def _has_key(provider: str) -> bool:
    if provider == DEMO:
        return settings.DEMO
    return any(key.strip() for key in _configured(provider).get("keys", {}).values())


def engine(name: str) -> Engine:
    """The engine called `name`, with or without a key. Raises `KeyError` for an unknown name."""
    provider = provider_of(name)
    if provider not in ADAPTERS:
        raise KeyError(name)
    return adapter_class(provider).engine(name)


def full_label(engine: Engine) -> str:
    """Model and provider for people to read; the demo engine's label names both."""
    if engine.provider == DEMO:
        return engine.label
    return f"{engine.label}, {adapter_class(engine.provider).label}"


def adapter(provider: str, slot: int = 1) -> ImageProvider:
    """The adapter for one key: the same object as long as the settings stay the same.

    Raises `Misconfigured` if the provider or the key is missing, or a setting is invalid.
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
    options: tuple[tuple[str, Any], ...],
) -> ImageProvider:
    make = cast(Any, adapter_class(provider))
    return cast(ImageProvider, make(base_url, key, private_hosts=private_hosts, **dict(options)))


@lru_cache(maxsize=1)
def _demo_adapter(time_scale: float) -> ImageProvider:
    make = cast(Any, adapter_class(DEMO))
    return cast(ImageProvider, make(time_scale=time_scale))


def _keys(provider: str) -> dict[int, str]:
    # A key that is read from a file ends in a line break.
    keys = {slot: key.strip() for slot, key in _configured(provider).get("keys", {}).items()}
    return {slot: key for slot, key in keys.items() if key}


def _configured(provider: str) -> dict[str, Any]:
    return settings.PROVIDERS.get(provider, {})
