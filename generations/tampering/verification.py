"""Lets the verification of the log compare the rows of all runs with their records, too."""

from collections.abc import Iterator

from accounts.evidence import live
from accounts.evidence.live import Changed
from generations.tampering.comparing import of_all_runs


@live.register
def changed_rows() -> Iterator[Changed]:
    for difference in of_all_runs():
        yield Changed(str(difference), difference.record, difference.row)
