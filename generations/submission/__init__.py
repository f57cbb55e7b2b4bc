"""Asking for images: submit, try again, remedy, cancel.

One transaction writes the run, its generations, the credits and the record, or nothing. Workers are
told on commit.
"""

from generations.submission.asking import (
    NO_PRICE,
    AnyReference,
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
from generations.submission.creating import refuse_shortfall, submit
from generations.submission.identical import AlreadyMade, images_made, work_digest
from generations.submission.receiving import (
    Received,
    declare_rights,
    lack_rights,
    receive,
    remove,
    remove_unused,
)
from generations.submission.refusing import (
    REFUSALS,
    record_refusal,
    refusals_of_more,
    refusals_recorded,
    why,
)
from generations.submission.remedies import ONE_PRESS_REMEDIES, Offer, offers, remedy
from generations.submission.retrying import try_again
from generations.submission.uploading import MAX_BYTES, RIGHTS, check_rights, check_upload

__all__ = [
    "MAX_BYTES",
    "NO_PRICE",
    "ONE_PRESS_REMEDIES",
    "REFUSALS",
    "RIGHTS",
    "AlreadyMade",
    "AnyReference",
    "KeyReused",
    "NewReference",
    "Offer",
    "Received",
    "RunRequest",
    "SubmissionRefused",
    "as_generation_request",
    "can_cancel",
    "cancel",
    "check_rights",
    "check_upload",
    "declare_rights",
    "images_made",
    "lack_rights",
    "offers",
    "quote",
    "receive",
    "record_refusal",
    "refusals_of_more",
    "refusals_recorded",
    "refuse_shortfall",
    "remedy",
    "remove",
    "remove_unused",
    "submit",
    "try_again",
    "why",
    "why_blocked",
    "with_defaults",
    "work_digest",
]
