"""The adapter for Replicate."""

from generations.providers.replicate.adapter import ReplicateProvider

__all__ = ["ReplicateProvider"]
