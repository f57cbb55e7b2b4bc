"""A provider in this process that remembers every order, with an engine for each way to answer."""

import uuid
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils import timezone

from generations.models import Price
from generations.providers import fetching, registry
from generations.providers.base import ImageProvider
from generations.providers.capabilities import Capabilities, Engine, PollSchedule, SuggestedPrice
from generations.providers.errors import FetchFailed, NotSent, OutcomeUnknown, Unavailable
from generations.providers.types import (
    Accepted,
    InlineImage,
    InProgress,
    Payload,
    RemoteImage,
    Result,
)
from tests.faults.crash_points import Points
from tests.generations.factories import image_file

CREDITS = 3
ABLE: dict[str, Any] = {
    "prompt_limit": 100,
    "max_images": 4,
    "images_per_request": 4,
    "sizes": {"2K": {"1:1": (256, 256)}},
    "polls": {"2K": PollSchedule(first=1, interval=1)},
}
KEYLESS = frozenset({"standin/keyless", "standin/prompt"})
# `keyed` and `keyless` answer with a task, `prompt` answers with the images.
KINDS: dict[str, dict[str, Any]] = {
    "keyed": {"takes_idempotency_key": True},
    "keyless": {},
    "prompt": {"answers_at_once": True},
}


def engine_of(kind: str) -> Engine:
    price = SuggestedPrice("2K", CREDITS, Decimal("0.03"))
    return Engine(f"standin/{kind}", kind, kind, Capabilities(**ABLE | KINDS[kind]), (price,))


class StandIn(ImageProvider):
    """Accepts every order. `submits` has body and key of each call, `orders` what was accepted."""

    name = "standin"
    label = "Stand-in"
    engines = tuple(map(engine_of, KINDS))
    default_concurrency = 1000
    default_per_minute = 100_000

    points = Points()
    submits: list[tuple[bytes, str]] = []
    orders: dict[str, bytes] = {}
    polled: set[str] = set()
    image = b""

    def __init__(self, base_url: str, key: str, **options: Any) -> None:
        pass

    def build_submit(self, request):
        return Payload(f"/{request.engine.partition('/')[2]}", request.prompt.encode())

    def submit(self, payload, *, timeout, idempotency_key="", on_image=None):
        with self.points.around("submit", by="provider", before=NotSent, after=OutcomeUnknown):
            self.submits.append((payload.body, idempotency_key))
            task = idempotency_key or str(uuid.uuid4())
            self.orders[task] = payload.body
        if payload.path == "/prompt":
            return Result(images=(InlineImage(self.image),))
        return Accepted(task_id=task)

    def poll(self, task):
        with self.points.around("poll", by="provider", before=Unavailable, after=Unavailable):
            is_done = task.task_id in self.polled
            self.polled.add(task.task_id)
        if not is_done:
            return InProgress()
        return Result(images=(RemoteImage(f"https://standin.example/{task.task_id}"),))


def fetch(url, **limits):
    failed = partial(FetchFailed, final=False)
    with StandIn.points.around("fetch", by="provider", before=failed, after=failed):
        return StandIn.image


def set_up(monkeypatch, settings, points: Points) -> None:
    """Offer the engines of `KINDS`, and count their calls among `points`."""
    monkeypatch.setitem(registry.ADAPTERS, StandIn.name, f"{__name__}.{StandIn.__name__}")
    configured = {"base_url": "https://standin.example", "keys": {1: "a-key"}}
    settings.PROVIDERS = {StandIn.name: configured}
    settings.DEMO = False
    monkeypatch.setattr(fetching, "fetch", fetch)
    fresh = {"submits": [], "orders": {}, "polled": set(), "image": image_file((64, 64))}
    for name, value in {"points": points, **fresh}.items():
        monkeypatch.setattr(StandIn, name, value)
    for kind in KINDS:
        row = {"engine": f"standin/{kind}", "tier": "2K", "credits": CREDITS, "cost_usd": "0.03"}
        row |= {"valid_from": timezone.now()}
        Price.objects.create(**row)
