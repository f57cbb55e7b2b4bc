"""The table of moves, for every pair of statuses."""

from datetime import timedelta
from itertools import product

import pytest
from django.utils import timezone

from generations.jobs import lifecycle
from generations.models import Generation, Run
from generations.states import ENDED, MOVES, OPEN, Status, sources
from tests.generations.asking import ask

LEGAL = {
    ("queued", "submitting"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("queued", "unknown"),
    ("submitting", "queued"),
    ("submitting", "running"),
    ("submitting", "storing"),
    ("submitting", "unknown"),
    ("submitting", "failed"),
    ("submitting", "cancelled"),
    ("running", "storing"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "unknown"),
    ("storing", "succeeded"),
    ("storing", "failed"),
    ("unknown", "running"),
    ("unknown", "storing"),
    ("unknown", "failed"),
    # late images, only until `may_arrive_until`
    ("failed", "running"),
    ("failed", "storing"),
}


def test_the_table_of_moves():
    assert {(a.value, b.value) for a, targets in MOVES.items() for b in targets} == LEGAL


def test_every_status_is_open_ended_or_unknown():
    assert OPEN | ENDED | {Status.UNKNOWN} == set(Status)
    assert not MOVES[Status.SUCCEEDED]
    assert not MOVES[Status.CANCELLED]


@pytest.mark.parametrize("target", Status)
def test_sources_is_the_table_read_backwards(target):
    assert sources(target) == {status for status in Status if target in MOVES[status]}


@pytest.mark.django_db
@pytest.mark.parametrize(("source", "target"), list(product(Status, Status)))
def test_legal_moves_pass_and_every_other_pair_is_refused(alice, source, target):
    [generation] = ask(alice, num_images=1).generations.all()
    columns = {"task_id": "t1", "submit_token": generation.uuid, "claimed_by": "w"}
    if source == Status.FAILED:
        columns |= {"may_arrive_until": timezone.now() + timedelta(hours=1)}
    Generation.objects.filter(pk=generation.pk).update(status=source, **columns)
    if source == Status.UNKNOWN:
        Run.objects.update(open=0, unknown=1)
    if source in ENDED:
        Run.objects.update(open=0)
    generation.refresh_from_db()
    if (source, target) in LEGAL:
        assert lifecycle.move(generation, target)
        assert generation.status == target
    else:
        with pytest.raises(ValueError, match="no move"):
            lifecycle.move(generation, target)
        assert Generation.objects.get(pk=generation.pk).status == source
