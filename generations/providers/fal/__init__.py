"""fal's queue."""

from generations.providers.fal.adapter import FalProvider

__all__ = ["FalProvider"]
