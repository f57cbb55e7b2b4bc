"""Finds rows that were changed outside the studio: rows that differ from their records.

Each act of the studio changes rows and writes a record in one transaction, so both agree, unless
somebody has changed a row in the database itself. A value is compared if a record holds it and
nothing has erased it there. What may change without a record (links, claims, times of the next
step) is not compared.

`of_runs` and `of_all_runs` read in batches, so memory does not grow with the studio.
"""

from generations.tampering.comparing import of_all_runs, of_runs
from generations.tampering.difference import Difference, Kind, Said, facts_of, listed
from generations.tampering.names import Names
from generations.tampering.stories import MOVES

__all__ = [
    "MOVES",
    "Difference",
    "Kind",
    "Names",
    "Said",
    "facts_of",
    "listed",
    "of_all_runs",
    "of_runs",
]
