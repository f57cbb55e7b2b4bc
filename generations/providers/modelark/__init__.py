"""BytePlus ModelArk, and Volcengine Ark by base URL."""

from generations.providers.modelark.adapter import ModelArkProvider

__all__ = ["ModelArkProvider"]
