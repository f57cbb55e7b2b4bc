"""Checks whether a provider is usable from here, step by step. Prints no secret."""

import re
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from accounts import audit, shell
from accounts.events import Event
from generations.imaging import UnusableImage, inspect
from generations.jobs import dispatch
from generations.jobs.execution.delivering import FETCH_TIMEOUT_SECONDS, MAX_BYTES
from generations.models import ProviderAccount
from generations.providers import fetching, reachability, registry
from generations.providers.advice import explain
from generations.providers.answers import short
from generations.providers.base import ImageProvider
from generations.providers.capabilities import Engine
from generations.providers.errors import (
    Code,
    FetchFailed,
    Misconfigured,
    NotSent,
    ProviderError,
    TaskFailed,
)
from generations.providers.types import (
    Accepted,
    GenerationRequest,
    ImageError,
    InlineImage,
    Mode,
    Result,
    ResultImage,
    TaskRef,
)

FAILED, UNKNOWN_NAME = 1, 2
# What an operator can do, for codes whose advice is to tell an operator.
REMEDIES = {
    Code.AUTH: "Check {variable}: is it complete, still valid, and of this provider and region?",
    Code.FORBIDDEN: "Check in the provider's console what the key in {variable} may do.",
    Code.INSUFFICIENT_BALANCE: "Top up the balance at the provider.",
    Code.NOT_FOUND: "Check {name}_BASE_URL, and that the engine is active at the provider.",
}


class Command(shell.RecordedCommand):
    help = "Checks a provider's keys and address; with --spend makes an image too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="apixo, …")
        parser.add_argument(
            "--spend", action="store_true", help="make one image, the smallest, which is billed"
        )

    def handle(self, **options: Any) -> None:
        name = options["name"].lower()
        if name not in registry.provider_names():
            known = ", ".join(registry.provider_names())
            raise CommandError(
                f"No provider is called {name}. Choose one of: {known}.", returncode=UNKNOWN_NAME
            )
        slots = registry.slots(name)
        if not slots:
            setting = "DEMO=on" if name == registry.DEMO else _variable(name, 1)
            raise CommandError(f"Key: none. Set {setting}.", returncode=FAILED)
        failed = [
            slot
            for slot, fingerprint in slots.items()
            if not self._check(name, slot, fingerprint, spend=options["spend"])
        ]
        if failed:
            keys = ", ".join(map(str, failed))
            raise CommandError(f"{name} is not usable with key {keys}.", returncode=FAILED)
        self._say("Verdict", f"{name} is usable.")

    def _check(self, name: str, slot: int, fingerprint: str, *, spend: bool) -> bool:
        """Run the steps with one key until one fails; returns whether all succeeded."""
        self._say("Key", f"{slot}, fingerprint {fingerprint}")
        steps: dict[str, Callable[[ImageProvider], str]] = {
            "Endpoint": _reach,
            "Region": lambda adapter: adapter.region(),
            "Account": _probe,
            "Engines": lambda adapter: ", ".join(engine.name for engine in _engines(adapter)),
        }
        if spend:
            steps["Image"] = partial(self._spend, slot=slot)
        for step, carry_out in steps.items():
            try:
                verdict = carry_out(registry.adapter(name, slot))
            except ProviderError as error:
                adapter = registry.adapter(name, slot)
                self._say("Failed", f"{step}. {_in_words(error, adapter, slot)}")
                return False
            except Misconfigured as error:
                self._say("Failed", f"{step}. {error}")
                return False
            if verdict:
                self._say(step, verdict)
        return True

    def _spend(self, adapter: ImageProvider, *, slot: int) -> str:
        """Order the smallest image, wait for it and fetch it."""
        engine, request = _smallest(adapter)
        key = _account(adapter.name, slot)
        # Before anything is sent, because this spends money.
        shell.record_use("check_provider --spend", subject=key)
        told: dict[str, str] = {"engine": engine.name}
        try:
            found = self._order(adapter, engine, request, told)
        except ProviderError as error:
            _record_test(key, **told, outcome=str(error.code))
            raise
        _record_test(key, **told, outcome="answered")
        return _described(_image(found.images[0]))

    def _order(
        self,
        adapter: ImageProvider,
        engine: Engine,
        request: GenerationRequest,
        told: dict[str, str],
    ) -> Result:
        """Send the request and wait for its result; `told` gets the task id and the cost."""
        answer = adapter.submit(
            adapter.build_submit(request),
            timeout=engine.capabilities.submit_timeout_seconds,
            idempotency_key=str(uuid.uuid4()),
        )
        taken = f"accepted as task {answer.task_id}" if isinstance(answer, Accepted) else "answered"
        self._say("Request", f"{engine.name}, {request.resolution} {request.aspect_ratio}, {taken}")
        if isinstance(answer, Accepted):
            told["task_id"] = short(answer.task_id)
            answer = _await(adapter, engine, request, answer)
        if answer.cost_usd is not None:
            told["cost_usd"] = f"{answer.cost_usd:f}"
            self._say("Cost", f"{answer.cost_usd} USD, as the provider says")
        return answer

    def _say(self, step: str, verdict: str) -> None:
        self.stdout.write(f"{step + ':':<10}{verdict}")


def _account(provider: str, slot: int) -> ProviderAccount:
    accounts = dispatch.accounts_here()
    return next(row for row in accounts if (row.provider, row.slot) == (provider, slot))


@transaction.atomic
def _record_test(key: ProviderAccount, **told: str) -> None:
    """Record what came of an image that was ordered outside any run."""
    facts = {"provider": key.provider, "slot": key.slot, **told}
    audit.record(Event.PROVIDER_TESTED, actor=None, subject=key, facts=facts)


def _variable(name: str, slot: int) -> str:
    return f"{name.upper()}_API_KEY" + (f"_{slot}" if slot > 1 else "")


def _base_url(adapter: ImageProvider) -> str:
    return settings.PROVIDERS.get(adapter.name, {}).get("base_url", "")


def _engines(adapter: ImageProvider) -> list[Engine]:
    return list(adapter.engines_at(_base_url(adapter)))


def _in_words(error: ProviderError, adapter: ImageProvider, slot: int) -> str:
    name, url = adapter.name, _base_url(adapter)
    advice = explain(error.code, error.raw_code, name)
    if isinstance(error, NotSent):
        why = reachability.why_unreachable(error.raw_code, url)
        return f"{advice.title} {name.upper()}_BASE_URL is {url}: {why}"
    if re.fullmatch(r"3\d\d", error.raw_code):
        return _redirected(error.raw_code, name, url)
    if error.code == Code.MISDIRECTED:
        return (
            f"The server at {url} does not check keys ({error.raw_code}): it may not be this "
            f"provider's API. Check {name.upper()}_BASE_URL."
        )
    remedy = REMEDIES.get(error.code, "")
    what_to_do = remedy.format(variable=_variable(name, slot), name=name.upper())
    return f"{advice.title} {what_to_do or advice.what_to_do} ({error})"


def _redirected(status: str, name: str, url: str) -> str:
    """Say that the API redirects. Nothing follows the redirect: its target would get the key."""
    try:
        target = reachability.reach(url, private_hosts=settings.PROVIDER_PRIVATE_HOSTS)
    except NotSent:
        target = ""
    setting = f"{name.upper()}_BASE_URL"
    wrong = f"The base URL is wrong: {url} answers with a redirect ({status}), which no API does."
    if not target:
        return f"{wrong} Check {setting} against the provider's documentation."
    return f"{wrong} It leads to {target}: if that is the provider's API, set {setting} to it."


def _reach(adapter: ImageProvider) -> str:
    """Request the address without the key; any answer will do. Raises `NotSent`."""
    url = _base_url(adapter)
    if not url:
        return "inside the studio"
    target = reachability.reach(url, private_hosts=settings.PROVIDER_PRIVATE_HOSTS)
    return f"{url}, reachable" + (f"; it redirects to {target}" if target else "")


def _probe(adapter: ImageProvider) -> str:
    return adapter.probe() or "this provider has no free request that checks a key; try --spend"


def _smallest(adapter: ImageProvider) -> tuple[Engine, GenerationRequest]:
    """The engine and request with the fewest pixels and no reference. Raises Misconfigured."""
    choices = [
        (engine, resolution, ratio)
        for engine in _engines(adapter)
        if Mode.TEXT_TO_IMAGE in engine.capabilities.modes
        for resolution, sizes in engine.capabilities.sizes.items()
        for ratio in list(sizes)[:1]
    ]
    if not choices:
        raise Misconfigured("No engine at this address makes an image from text alone.")

    def pixels(choice: tuple[Engine, str, str]) -> int:
        engine, resolution, ratio = choice
        width, height = engine.capabilities.sizes[resolution][ratio]
        return width * height

    engine, resolution, ratio = min(choices, key=pixels)
    request = GenerationRequest(
        engine=engine.name,
        prompt="a single red apple on a white table",
        resolution=resolution,
        aspect_ratio=ratio,
    )
    return engine, request


def _await(
    adapter: ImageProvider, engine: Engine, request: GenerationRequest, answer: Accepted
) -> Result:
    """Poll until the task ends. Raises TaskFailed, or the last poll's error after the deadline."""
    task = TaskRef(answer.task_id, engine.model, answer.urls, timezone.now())
    schedule = engine.capabilities.poll_schedule(request.resolution)
    ends = time.monotonic() + engine.capabilities.deadline_seconds * settings.PROVIDER_TIME_SCALE
    pause, trouble = schedule.first, ProviderError(code=Code.TIMEOUT)
    while time.monotonic() < ends:
        time.sleep(pause * settings.PROVIDER_TIME_SCALE)
        pause = schedule.interval
        try:
            state = adapter.poll(task)
        except TaskFailed:
            raise
        except ProviderError as error:  # a failed poll says nothing about the image
            trouble = error
        else:
            if isinstance(state, Result):
                return state
    raise trouble


def _image(image: ResultImage) -> bytes:
    if isinstance(image, ImageError):
        code = Code(image.code) if image.code in list(Code) else Code.PROVIDER_ERROR
        raise ProviderError(image.message, code=code, raw_code=image.raw_code)
    if isinstance(image, InlineImage):
        return image.data
    return fetching.fetch(
        image.url,
        max_bytes=MAX_BYTES,
        timeout=FETCH_TIMEOUT_SECONDS,
        private_hosts=tuple(settings.PROVIDER_PRIVATE_HOSTS),
    )


def _described(data: bytes) -> str:
    try:
        facts = inspect(data)
    except UnusableImage as error:
        raise FetchFailed(final=True, code=Code.IMAGE_INVALID) from error
    return f"fetched, {facts.format} {facts.width}×{facts.height}, {len(data):,} bytes"
