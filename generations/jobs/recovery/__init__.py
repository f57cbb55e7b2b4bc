"""Finds stuck work and frees or settles it.

Every worker does a round every few seconds. A round is safe at any time and in several processes at
once, because every change is a compare-and-swap.
"""

from generations.jobs.recovery.claims import free_forgotten
from generations.jobs.recovery.rounds import recover

__all__ = ["free_forgotten", "recover"]
