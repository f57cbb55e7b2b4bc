"""An engine that can do whatever a test needs, and talks to nobody."""

from decimal import Decimal

from generations.models import Price
from generations.providers import registry
from generations.providers.base import ImageProvider
from generations.providers.types import Capabilities, Engine, SuggestedPrice

STUB = "stub/engine"
SIZES = {
    "2K": {"1:1": (2048, 2048), "16:9": (2848, 1600)},
    "4K": {"1:1": (4096, 4096), "16:9": (5504, 3040)},
}


class StubProvider(ImageProvider):
    name = "stub"
    label = "Stub & Co"

    def build_submit(self, request):
        raise NotImplementedError

    def submit(self, payload, **more):
        raise NotImplementedError

    def poll(self, task):
        raise NotImplementedError


def set_up_stub(monkeypatch, settings, *, label="Stub", credits=3, **able):
    """Let an engine `STUB` with these capabilities be picked; an image costs 3 credits."""
    capabilities = Capabilities(**{"prompt_limit": 100, "max_images": 4, "sizes": SIZES} | able)
    tiers = capabilities.resolutions
    prices = tuple(SuggestedPrice(tier, credits, Decimal("0.03")) for tier in tiers)
    engine = Engine(STUB, label, "stub-1", capabilities, prices)
    path = f"{StubProvider.__module__}.{StubProvider.__name__}"
    monkeypatch.setitem(registry.ADAPTERS, "stub", path)
    monkeypatch.setattr(StubProvider, "engines", (engine,), raising=False)
    configured = {"base_url": "https://stub.example", "keys": {1: "stub-key"}}
    settings.PROVIDERS = {**settings.PROVIDERS, "stub": configured}
    for tier in tiers:
        Price.objects.create(engine=STUB, tier=tier, credits=credits, cost_usd="0.03")
    return engine
