"""Lists the engines that can be chosen here."""

import dataclasses
import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand

from generations import pricing
from generations.models import EngineSetting
from generations.providers import registry
from generations.providers.capabilities import Engine


class Command(BaseCommand):
    help = "Lists the engines whose provider has a key: name, model, capabilities, prices."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a list of objects")

    def handle(self, **options: Any) -> None:
        engines = list(registry.engines().values())
        if options["json"]:
            self.stdout.write(json.dumps([_as_object(engine) for engine in engines]))
            return
        if not engines:
            self.stdout.write("No engine: set <NAME>_API_KEY for a provider, or DEMO=on.")
        off = set(EngineSetting.objects.filter(is_on=False).values_list("engine", flat=True))
        for engine in engines:
            prices = ", ".join(f"{tier} {credits}" for tier, credits in _prices(engine).items())
            self.stdout.write(
                f"{engine.name}: {engine.label} ({engine.model}); credits: {prices}"
                + ("; switched off" if engine.name in off else "")
            )


def _as_object(engine: Engine) -> dict[str, Any]:
    return {
        "name": engine.name,
        "label": engine.label,
        "model": engine.model,
        "capabilities": _plain(engine.capabilities),
        "prices": _prices(engine),
    }


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _prices(engine: Engine) -> dict[str, int]:
    found = {p.tier: pricing.price_in_force(engine.name, p.tier) for p in engine.prices}
    return {tier: price.credits for tier, price in found.items() if price}
