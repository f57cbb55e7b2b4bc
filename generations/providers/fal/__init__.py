"""The adapter for fal."""

from generations.providers.fal.adapter import FalProvider

__all__ = ["FalProvider"]
