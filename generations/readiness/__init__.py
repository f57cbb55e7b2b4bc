"""Whether the studio can do its work, for `/readyz` and the page *Status*."""

# Every process has to know the kinds, because pages and mails show their notices.
from generations.readiness import kinds
from generations.readiness.checks import CHECKS, Check, Finding
from generations.readiness.rounds import look

__all__ = ["CHECKS", "Check", "Finding", "kinds", "look"]
