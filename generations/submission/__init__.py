"""Asking for pictures: submit, try again, remedy, cancel.

One transaction holds the run, its generations, the credits and the record, or nothing at all;
the workers are told on commit.
"""

from generations.submission.asking import (
    KeyReused,
    NewReference,
    RunRequest,
    SubmissionRefused,
    as_generation_request,
    quote,
    why_blocked,
    with_defaults,
)
from generations.submission.cancelling import can_cancel, cancel
from generations.submission.identical import AlreadyMade, images_made, work_digest
from generations.submission.remedies import PRESSED, Offer, offers, remedy
from generations.submission.retrying import try_again
from generations.submission.submitting import submit

__all__ = [
    "PRESSED",
    "AlreadyMade",
    "KeyReused",
    "NewReference",
    "Offer",
    "RunRequest",
    "SubmissionRefused",
    "as_generation_request",
    "can_cancel",
    "cancel",
    "images_made",
    "offers",
    "quote",
    "remedy",
    "submit",
    "try_again",
    "why_blocked",
    "with_defaults",
    "work_digest",
]
