"""The health of each key at a provider: its rests, its refusals and its balance.

The code that calls providers reports the results here. Each report is one short transaction under a
lock on the account's row. Admins are told once of what they have to mend.
"""

from generations.jobs.provider_health.alerts import LOW, POLLS_REFUSED, engine_in_words
from generations.jobs.provider_health.balances import (
    LARGEST,
    low_mark,
    low_marks,
    note_balance,
    note_new_key,
)
from generations.jobs.provider_health.failures import (
    BACKOFF_MOST_SECONDS,
    note_failure,
    note_success,
)
from generations.jobs.provider_health.polls import PollAnswer, note_polls
from generations.jobs.provider_health.refusals import engines_at_rest, note_refusal, why_blocked
from generations.jobs.provider_health.rows import (
    FAILURES_BEFORE_PAUSE,
    PAUSE_SECONDS,
    here,
    is_probing,
    is_resting,
)
from generations.jobs.provider_health.standstills import Standstill, standstills

__all__ = [
    "BACKOFF_MOST_SECONDS",
    "FAILURES_BEFORE_PAUSE",
    "LARGEST",
    "LOW",
    "PAUSE_SECONDS",
    "POLLS_REFUSED",
    "PollAnswer",
    "Standstill",
    "engine_in_words",
    "engines_at_rest",
    "here",
    "is_probing",
    "is_resting",
    "low_mark",
    "low_marks",
    "note_balance",
    "note_failure",
    "note_new_key",
    "note_polls",
    "note_refusal",
    "note_success",
    "standstills",
    "why_blocked",
]
