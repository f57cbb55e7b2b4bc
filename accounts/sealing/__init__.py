"""The seal of the log: a Merkle tree over its records, with signed checkpoints.

`seal` gives new records their places and signs the root, `copy` puts the checkpoints outside the
database. Both are safe to call in any process at any time, but in no request.
"""

from accounts.sealing.mending import mend
from accounts.sealing.sealer import refuse_break, seal
from accounts.sealing.standing import Standing, copying, sealing
from accounts.sealing.troubles import Stopped, sentence
from accounts.sealing.witnesses import copy, refuse_other_log, stamp

__all__ = [
    "Standing",
    "Stopped",
    "copy",
    "copying",
    "mend",
    "refuse_break",
    "refuse_other_log",
    "seal",
    "sealing",
    "sentence",
    "stamp",
]
