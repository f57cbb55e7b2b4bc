"""What became of a run, as its records tell it."""

from types import SimpleNamespace

import pytest

from accounts.audit.outcomes import outcome_of
from accounts.events import Event

SUCCEEDED, FAILED = Event.GENERATION_SUCCEEDED, Event.GENERATION_FAILED
CANCELLED, UNKNOWN = Event.GENERATION_CANCELLED, Event.GENERATION_UNKNOWN
RETRIED = Event.RUN_RETRIED


def told(event, generation=1, delivered=0, **facts):
    facts = {**facts, "delivered": delivered} if event != UNKNOWN else facts
    return SimpleNamespace(event=event, subject_id=generation, facts=facts)


BOTH_FAILED = (told(FAILED, 1), told(FAILED, 2))


@pytest.mark.parametrize(
    ("later", "status", "delivered"),
    [
        ([], "pending", 0),
        ([told(SUCCEEDED, 1, 2)], "pending", 2),
        ([told(SUCCEEDED, 1, 2), told(SUCCEEDED, 2, 2)], "succeeded", 4),
        ([told(SUCCEEDED, 1, 2), told(SUCCEEDED, 2, 1)], "succeeded", 3),  # a set's maximum
        ([told(SUCCEEDED, 1, 2), told(FAILED, 2)], "partial", 2),
        ([told(FAILED, 1), told(CANCELLED, 2)], "failed", 0),
        ([told(CANCELLED, 1), told(CANCELLED, 2)], "cancelled", 0),
        ([told(SUCCEEDED, 1, 2), told(UNKNOWN, 2)], "unknown", 2),
        ([told(SUCCEEDED, 1, 2), told(UNKNOWN, 2), told(FAILED, 2)], "partial", 2),
        ([told(FAILED, 1), told(FAILED, 2), told(RETRIED, 0)], "pending", 0),
        (
            [told(FAILED, 1), told(FAILED, 2), told(RETRIED, 0), told(SUCCEEDED, 3, 4)],
            "succeeded",
            4,
        ),
        ([*BOTH_FAILED, told(SUCCEEDED, 2, 4)], "succeeded", 4),  # came late
    ],
)
def test_an_outcome_is_told_by_the_last_record_of_each_generation(later, status, delivered):
    submitted = SimpleNamespace(facts={"images": 4, "generations": ["1", "2"]})
    outcome = outcome_of(submitted, later)
    assert (outcome.status, outcome.delivered, outcome.wanted) == (status, delivered, 4)


def test_the_newest_failure_is_named():
    submitted = SimpleNamespace(facts={"images": 4, "generations": ["1", "2"]})
    later = [told(FAILED, 1, error="timeout"), told(FAILED, 2, error="refused")]
    assert outcome_of(submitted, later).error == "refused"


def test_records_of_older_versions_may_lack_facts():
    assert outcome_of(SimpleNamespace(facts={}), [told(FAILED)]).status == "failed"
