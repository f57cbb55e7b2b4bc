"""System checks of engines, providers, signatures and worker threads."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from generations import certificates
from generations.label_policies import ICON_FILES, read_icon
from generations.labelling import Source
from generations.providers import registry
from generations.providers.errors import Misconfigured

# Threads for fetches and for submits to queues, besides those that wait for engines which answer at
# once. All of them are part of WORKER_THREADS.
FREE_THREADS = 8


@register()
def some_engine_is_configured(**kwargs: Any) -> list[CheckMessage]:
    if registry.engines():
        return []
    return [
        Warning(
            "No engine can be chosen: no provider has a key and the demo engine is off.",
            hint="Set <NAME>_API_KEY for a provider, or DEMO=on.",
            id="generations.W001",
        )
    ]


@register()
def every_provider_is_configured(**kwargs: Any) -> list[CheckMessage]:
    """Warn once of each setting that an adapter refuses."""
    wrong = dict.fromkeys(
        (provider, why)
        for provider in registry.provider_names()
        for slot in registry.slots(provider)
        if (why := _why_unusable(provider, slot))
    )
    return [
        Warning(
            f"{provider} can't be used: {why}",
            hint="Change the setting and start the studio again.",
            id="generations.W004",
        )
        for provider, why in wrong
    ]


@register()
def eu_icon_can_be_used(**kwargs: Any) -> list[CheckMessage]:
    """Warn of an icon's file in whose place the studio draws letters."""
    return [
        Warning(
            f"{name} in EU_ICON_DIR can't be used: {why}",
            hint="Put a PNG there, white on a transparent ground, or empty the setting.",
            id="generations.W006",
        )
        for source, name in ICON_FILES.items()
        if (why := _why_no_icon(source))
    ]


def _why_no_icon(source: Source) -> str:
    try:
        read_icon(source)
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _why_unusable(provider: str, slot: int) -> str:
    try:
        registry.adapter(provider, slot)
    except Misconfigured as error:
        return str(error)
    return ""


@register()
def signing_is_configured(**kwargs: Any) -> list[CheckMessage]:
    wrong = certificates.misconfigured()
    if not wrong:
        return []
    return [
        Warning(
            f"Images are not signed: {wrong}",
            hint="Change the setting and start the studio again, or set LABEL_SIGNING=off.",
            id="generations.W006",
        )
    ]


@register()
def authority_has_an_address(**kwargs: Any) -> list[CheckMessage]:
    address = urlsplit(settings.LABEL_TIMESTAMP_URL)
    if not settings.LABEL_TIMESTAMP_URL or (address.scheme in ("http", "https") and address.netloc):
        return []
    return [
        Warning(
            "Signatures get no time stamps: LABEL_TIMESTAMP_URL is not an address.",
            hint="Set it to one such as https://tsa.example.com/tsr.",
            id="generations.W007",
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
def worker_threads_are_enough(**kwargs: Any) -> list[CheckMessage]:
    """Warn if waiting calls can hold all threads.

    A call to an engine that answers at once holds a thread until its images are made.
    """
    needed = FREE_THREADS + sum(map(_waiting_threads, registry.provider_names()))
    if needed <= settings.WORKER_THREADS:
        return []
    return [
        Warning(
            f"{settings.WORKER_THREADS} threads are too few for the providers that have a key: "
            "work that could be done would wait for answers that take minutes.",
            hint=f"Set WORKER_THREADS={needed} or more, or set fewer keys.",
            id="generations.W003",
        )
    ]


def _waiting_threads(provider: str) -> int:
    keys = len(registry.slots(provider))
    if not keys:
        return 0  # don't import the module of a provider that is not used
    adapter = registry.adapter_class(provider)
    waits = any(engine.capabilities.answers_at_once for engine in adapter.engines)
    return keys * adapter.default_concurrency if waits else 0


@register()
def browsers_may_fetch_from_the_bucket(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a bucket over http: browsers load nothing from it into a page over https."""
    if not settings.SERVED_OVER_HTTPS or not settings.FILES.links_origin.startswith("http://"):
        return []
    return [
        Warning(
            "Browsers will not show images: the studio is served over https, its bucket over http.",
            hint="Add &browsers=https://… to STORAGE_URL, or &browsers=no to send files through "
            "the studio.",
            id="generations.W005",
        )
    ]
