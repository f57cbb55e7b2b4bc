"""The engines that a person may choose from, and what is known of them now."""

from collections.abc import Mapping
from functools import cached_property

from accounts.models import User
from generations import offering, pricing, speeds
from generations.jobs import provider_health
from generations.jobs.provider_health import Standstill
from generations.models import Price
from generations.offering import OfferedEngine
from generations.providers import registry
from generations.providers.capabilities import Engine, provider_of
from generations.providers.types import GenerationRequest


class EngineChoice:
    """The engines that are offered to `user`. Each table is read once, when it is first needed."""

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def offered(self) -> Mapping[str, OfferedEngine]:
        """The engines by name, in the order of the list."""
        return offering.offered_to(self.user)

    @cached_property
    def standstills(self) -> Mapping[str, Standstill]:
        """The engines that no key can serve now, by name."""
        return provider_health.standstills(self.offered)

    @cached_property
    def speeds(self) -> Mapping[tuple[str, str], float]:
        """Measured seconds by engine and resolution."""
        return speeds.measured()

    @cached_property
    def _prices(self) -> Mapping[tuple[str, str], Price]:
        return pricing.prices_in_force(self.offered)

    @cached_property
    def first(self) -> Engine | None:
        """The default, or else the first that a key can serve now; the first of all if none can."""
        offers = sorted(self.offered.values(), key=lambda each: not each.is_default)
        usable = (each.engine for each in offers if not self.code(each.engine.name))
        return next(usable, offers[0].engine if offers else None)

    def named(self, name: str) -> Engine | None:
        """The engine `name`, if it is offered."""
        found = self.offered.get(name)
        return found.engine if found else None

    def code(self, name: str) -> str:
        """Why no key can serve the engine `name` now; empty if one can, or rests only."""
        found = self.standstills.get(name)
        return found.code if found else ""

    def price_of(self, asked: GenerationRequest) -> Price | None:
        """The price of one image of a request; None if there is none."""
        adapter = registry.adapter_class(provider_of(asked.engine))
        return self._prices.get((asked.engine, adapter.tier(asked)))
