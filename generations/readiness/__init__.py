"""Whether the studio can do its work, for `/readyz` and the page *Status*."""

from generations.readiness.checks import CHECKS, Check, Finding
from generations.readiness.rounds import look

__all__ = ["CHECKS", "Check", "Finding", "look"]
