"""Importing, in one thread, what would otherwise be imported on first use by several at once.

Threads that import the same modules at the same time can block one another for ever (CPython
before 3.11.8 and 3.12.2, issue 38091). So a process that is about to start threads calls this
first: adapters, storage and cache back ends are loaded then, and Pillow's plugins by `imaging`.
"""

from django.core.cache import cache

from generations import imaging, storage
from generations.providers import registry


def preload() -> None:
    registry.known_engines()
    storage.originals()
    storage.renditions()
    cache.get("preload")
    imaging.load_plugins()
