"""System checks of the work: providers, keys and what they need."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from generations.providers import registry


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
