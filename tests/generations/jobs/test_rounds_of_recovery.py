"""A bad row or a bad step of recovery delays no other."""

import uuid

import pytest
from django.db import OperationalError
from django.utils import timezone

from generations.jobs import lifecycle, recovery
from generations.jobs.execution import arriving
from generations.jobs.recovery import claims
from generations.models import Generation
from generations.states import Status
from generations.storage import StorageAway
from tests.generations.factories import make_generation, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def abandoned(alice):
    run = make_run(alice, wanted=3, open=3)
    values = {"claimed_by": "elsewhere:1:dead", "submitted_at": timezone.now(), "task_id": ""}
    return [
        make_generation(run, Status.SUBMITTING, submit_token=uuid.uuid4(), **values)
        for _ in range(3)
    ]


def failing_for(generation, step):
    def checked(row, *more, **named):
        if row.pk == generation.pk:
            raise RuntimeError("nobody foresaw this")
        return step(row, *more, **named)

    return checked


def statuses(rows):
    return [Generation.objects.get(pk=row.pk).status for row in rows]


def test_a_row_that_cannot_be_moved_delays_no_other(abandoned, monkeypatch):
    monkeypatch.setattr(lifecycle, "move", failing_for(abandoned[0], lifecycle.move))
    recovery.recover()
    assert statuses(abandoned) == [Status.SUBMITTING, Status.UNKNOWN, Status.UNKNOWN]


def test_a_kept_answer_that_cannot_be_used_leaves_an_unknown_outcome(abandoned, monkeypatch):
    kept = failing_for(abandoned[0], arriving.kept_answer)
    monkeypatch.setattr(arriving, "kept_answer", kept)
    recovery.recover()
    assert statuses(abandoned) == [Status.UNKNOWN] * 3


def test_a_kept_answer_waits_for_storage_that_is_away(abandoned, monkeypatch):
    def away(_generation):
        raise StorageAway("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(arriving, "kept_answer", away)
        recovery.recover()
    assert statuses(abandoned) == [Status.SUBMITTING] * 3
    recovery.recover()
    assert statuses(abandoned) == [Status.UNKNOWN] * 3


def test_a_step_that_fails_stops_no_other(abandoned, monkeypatch):
    def broken(_turn):
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(claims, "recover_submits", broken)
    monkeypatch.setattr(claims, "free_polls", lambda _turn: 7)
    assert recovery.recover()["polls"] == 7


def test_a_database_that_is_away_ends_the_round(monkeypatch):
    def away(_turn):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(claims, "recover_submits", away)
    with pytest.raises(OperationalError):
        recovery.recover()
