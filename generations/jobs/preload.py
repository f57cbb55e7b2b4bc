"""Imports of modules that several threads would otherwise import at once.

Threads that import the same modules at the same time can block one another for ever (CPython before
3.11.8 and 3.12.2, issue 38091). So a process that is about to start threads first loads the
adapters, the back ends of storage, cache and broker, what signs images, and Pillow's plugins (in
`imaging`).
"""

from django.core.cache import cache

from generations import certificates, imaging, storage
from generations.jobs import broker
from generations.providers import registry


def preload() -> None:
    """Import them now. Raises what a missing module or wrong setting raises."""
    registry.known_engines()
    storage.load()
    cache.get("preload")
    broker.load()
    certificates.load()
    imaging.load_plugins()
