"""The proof that credits add up: allowances, generations and entries agree with each other.

Every allowance equals the sum of its entries; the entries of each generation are those of its
status and of the images that arrived; every reservation belongs to a generation that lives.
"""

from generations.proof.correcting import CorrectionRefused, correct
from generations.proof.proving import advance, is_late, last, prove

__all__ = ["CorrectionRefused", "advance", "correct", "is_late", "last", "prove"]
