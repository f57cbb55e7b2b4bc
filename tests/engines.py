"""Adapters whose engines a test replaces."""

from generations.providers import registry


def forget_engines():
    """Make the registry read the adapters again. Outside tests their engines never change."""
    registry._engines_at.cache_clear()
    registry._known_engines.cache_clear()
