"""An engine that can do whatever a test needs, and talks to nobody."""

from decimal import Decimal

from generations.models import Price
from generations.providers import registry
from generations.providers.base import ImageProvider
from generations.providers.capabilities import Capabilities, Engine, PollSchedule, SuggestedPrice
from generations.providers.types import Payload
from tests.engines import forget_engines

STUB = "stub/engine"
SIZES = {
    "2K": {"1:1": (2048, 2048), "16:9": (2848, 1600)},
    "4K": {"1:1": (4096, 4096), "16:9": (5504, 3040)},
}


class StubProvider(ImageProvider):
    name = "stub"
    label = "Stub & Co"

    def __init__(self, *_where, **_more):
        pass

    def build_submit(self, request):
        return Payload(path="/", body=request.prompt.encode())

    def submit(self, payload, **more):
        raise NotImplementedError

    def poll(self, task):
        raise NotImplementedError


def set_up_stub(monkeypatch, settings, *, label="Stub", credits=3, **able):
    """Let an engine `STUB` with these capabilities be picked; an image costs 3 credits."""
    usual = {
        "prompt_limit": 100,
        "max_images": 4,
        "sizes": SIZES,
        "polls": {"2K": PollSchedule(1, 1)},
    }
    capabilities = Capabilities(**usual | able)
    tiers = capabilities.resolutions
    prices = tuple(SuggestedPrice(tier, credits, Decimal("0.03")) for tier in tiers)
    engine = Engine(STUB, label, "stub-1", capabilities, prices)
    path = f"{StubProvider.__module__}.{StubProvider.__name__}"
    monkeypatch.setitem(registry.ADAPTERS, "stub", path)
    monkeypatch.setattr(StubProvider, "engines", (engine,), raising=False)
    configured = {"base_url": "https://stub.example", "keys": {1: "stub-key"}}
    settings.PROVIDERS = {**settings.PROVIDERS, "stub": configured}
    forget_engines()
    for tier in tiers:
        Price.objects.create(engine=STUB, tier=tier, credits=credits, cost_usd="0.03")
    return engine


def let_submit(monkeypatch, *outcomes):
    """Answer each submit with the next of `outcomes`, the last one ever after.

    An exception is raised, a function is called with the payload. Gives the list of what was sent.
    """
    sent = []

    def submit(self, payload, **more):
        outcome = outcomes[min(len(sent), len(outcomes) - 1)]
        sent.append((payload, more))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome(payload) if callable(outcome) else outcome

    monkeypatch.setattr(StubProvider, "submit", submit)
    return sent
