"""The adapter for BytePlus ModelArk, and by base URL for Volcengine Ark."""

from generations.providers.modelark.adapter import ModelArkProvider

__all__ = ["ModelArkProvider"]
