"""Is a provider usable from here? Each step's verdict in words; no secret is printed."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from generations.providers import registry
from generations.providers.advice import explain
from generations.providers.base import ImageProvider
from generations.providers.errors import ProviderError
from generations.providers.types import Accepted, GenerationRequest

FAILED, UNKNOWN_NAME = 1, 2


class Command(BaseCommand):
    help = "Checks a provider's keys and address; with --spend makes one smallest image."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="apixo, …")
        parser.add_argument(
            "--spend", action="store_true", help="submit one image, which is billed"
        )

    def handle(self, **options: Any) -> None:
        name = options["name"].lower()
        if name not in registry.provider_names():
            known = ", ".join(registry.provider_names())
            raise CommandError(
                f"No provider is called {name}. There are: {known}.", returncode=UNKNOWN_NAME
            )
        slots = registry.slots(name)
        if not slots:
            raise CommandError(f"Key: none. Set {name.upper()}_API_KEY.", returncode=FAILED)
        self._say("Endpoint", settings.PROVIDERS.get(name, {}).get("base_url", "inside the studio"))
        failed = [
            slot for slot, mark in slots.items() if not self._check(name, slot, mark, options)
        ]
        if failed:
            raise CommandError(f"{name} is not usable with key {failed}.", returncode=FAILED)
        self._say("Verdict", f"{name} is usable.")

    def _check(self, name: str, slot: int, fingerprint: str, options: dict[str, Any]) -> bool:
        self._say("Key", f"{slot}, fingerprint {fingerprint}")
        adapter = registry.adapter(name, slot)
        try:
            balance = adapter.balance()
            if balance is None:
                self._say("Account", "this provider's API tells no balance; try --spend")
            else:
                self._say("Account", f"key accepted, balance {balance.amount} {balance.unit}")
            if options["spend"]:
                self._spend(adapter)
        except ProviderError as error:
            advice = explain(error.code, error.raw_code, name)
            self._say("Failed", f"{advice.title} {advice.what_to_do} ({error})")
            return False
        return True

    def _spend(self, adapter: ImageProvider) -> None:
        engine = adapter.engines[0]
        resolution = engine.capabilities.resolutions[0]
        request = GenerationRequest(
            engine=engine.name,
            prompt="a single red apple on a white table",
            resolution=resolution,
            aspect_ratio=engine.capabilities.aspect_ratios(resolution)[0],
        )
        answer = adapter.submit(
            adapter.build_submit(request),
            timeout=engine.capabilities.submit_timeout_seconds,
            idempotency_key=str(uuid.uuid4()),
        )
        taken = f"accepted as task {answer.task_id}" if isinstance(answer, Accepted) else "answered"
        self._say("Request", f"{engine.name} {resolution}, {taken}")

    def _say(self, step: str, verdict: str) -> None:
        self.stdout.write(f"{step + ':':<10}{verdict}")
