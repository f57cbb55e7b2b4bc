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
    blocked_in_words,
    quote,
    why_blocked,
    with_defaults,
)
from generations.submission.cancelling import can_cancel, cancel
from generations.submission.creating import refuse_shortfall, submit
from generations.submission.elsewhere import Elsewhere, offers_elsewhere, send_elsewhere
from generations.submission.identical import AlreadyMade, images_made, work_digest
from generations.submission.opening import why_no_budget
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
from generations.submission.varying import Variation, variation_of, vary

__all__ = [
    "MAX_BYTES",
    "NO_PRICE",
    "ONE_PRESS_REMEDIES",
    "REFUSALS",
    "RIGHTS",
    "AlreadyMade",
    "AnyReference",
    "Elsewhere",
    "KeyReused",
    "NewReference",
    "Offer",
    "Received",
    "RunRequest",
    "SubmissionRefused",
    "Variation",
    "as_generation_request",
    "blocked_in_words",
    "can_cancel",
    "cancel",
    "check_rights",
    "check_upload",
    "declare_rights",
    "images_made",
    "lack_rights",
    "offers",
    "offers_elsewhere",
    "quote",
    "receive",
    "record_refusal",
    "refusals_of_more",
    "refusals_recorded",
    "refuse_shortfall",
    "remedy",
    "remove",
    "remove_unused",
    "send_elsewhere",
    "submit",
    "try_again",
    "variation_of",
    "vary",
    "why",
    "why_blocked",
    "why_no_budget",
    "with_defaults",
    "work_digest",
]
