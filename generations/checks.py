"""System checks of the work: providers, keys and what they need."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from generations.providers import registry

# Threads beside those that wait for engines which answer at once: fetching, and all other submits.
OTHER_THREADS = 8


@register()
def some_engine_is_configured(**kwargs: Any) -> list[CheckMessage]:
    if registry.engines():
        return []
    return [
        Warning(
            "No engine can be picked: no provider has a key and the demo engine is off.",
            hint="Set <NAME>_API_KEY for a provider, or DEMO=on.",
            id="generations.W001",
        )
    ]


@register(deploy=True)
def demo_engine_is_off_in_production(**kwargs: Any) -> list[CheckMessage]:
    if not settings.DEMO or not settings.SERVED_OVER_HTTPS:
        return []
    return [
        Warning(
            "The demo engine is on at a public address.",
            hint="Set DEMO=off once a provider has a key.",
            id="generations.W002",
        )
    ]


@register()
def a_thread_is_left_beside_those_that_wait(**kwargs: Any) -> list[CheckMessage]:
    """A call to an engine that answers at once holds a thread until its pictures are made."""
    needed = OTHER_THREADS + sum(map(_waiting_threads, registry.provider_names()))
    if needed <= settings.WORKER_THREADS:
        return []
    return [
        Warning(
            f"{settings.WORKER_THREADS} threads are too few for the providers that have a key: "
            "work that could be done would wait for answers that take minutes.",
            hint=f"Set WORKER_THREADS={needed} or more, or give fewer keys.",
            id="generations.W003",
        )
    ]


def _waiting_threads(provider: str) -> int:
    keys = len(registry.slots(provider))
    if not keys:
        return 0  # and its module is not even imported
    adapter = registry.adapter_class(provider)
    waits = any(engine.capabilities.answers_at_once for engine in adapter.engines)
    return keys * adapter.default_concurrency if waits else 0
