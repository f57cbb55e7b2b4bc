"""A run arrives once although a worker dies, or something fails once, at any point on its way."""

import logging

import pytest
from django.utils import timezone

from generations.jobs import lifecycle, recovery
from generations.jobs.execution import renditions
from generations.models import Delivery, Generation
from generations.states import Status
from tests.faults import stand_in
from tests.faults.crash_points import LOSABLE, Points, dead, failing, surprising, watched
from tests.faults.promises import broken, half_files
from tests.faults.walks import Clock, Walk

# What follows an answer is the same for every kind of engine, so it is swept for few of them.
DELIVERING = ("execution.delivering", "execution.renditions")
# If a walk has fewer points, the watch has stopped working.
FEWEST = 40

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def points():
    return Points()


@pytest.fixture
def walk(alice, settings, monkeypatch, points):
    """`walk(kind, …)`: a run at an engine of this kind, after `Walk.go`."""
    clock = Clock(monkeypatch)
    stand_in.set_up(monkeypatch, settings, points)
    monkeypatch.setattr(renditions, "RECIPES", renditions.RECIPES[:2])

    def walk(kind, *griefs, **more):
        walked = Walk(alice, f"standin/{kind}", clock)
        walked.go(points, *griefs, **more)
        return walked

    logging.disable()  # a thousand errors that are expected
    with watched(points, monkeypatch):
        yield walk
    logging.disable(logging.NOTSET)


@pytest.fixture
def sweep(walk, points):
    """`sweep(kind, grief)`: the broken promises, by the point at which `grief` happened."""

    def sweep(kind, grief, *, only="", but=()):
        walk(kind)  # creates the rows that every later walk shares
        walk(kind)
        found = {}
        assert len(points.passed) > FEWEST
        chosen = [
            (number, point)
            for number, point in enumerate(points.passed)
            if only in point.name and can_be(grief, point)
            if not any(part in point.name for part in but)
        ]
        assert chosen
        for number, point in chosen:
            walked = walk(kind, number, grief)
            assert points.met == point.name
            if grief is dead:
                forget_half_files(walked)
            promises = broken(walked, may_be_unknown=may_be_unknown(point, grief))
            if point.name.endswith(LOSABLE) and grief is not dead:
                promises += [f"the form was refused: {error!r}" for error in walked.refusals]
            if promises:
                found[point.name] = promises
                set_aside(walked)
        return found

    return sweep


def can_be(grief, point):
    """Whether `grief` can happen at `point`: only the database itself fails in a commit."""
    if grief is surprising:
        return not point.name.endswith(": commit")
    return grief is failing or point.changes_what_a_death_leaves


def may_be_unknown(point, grief):
    """Only a death, or an error in place of the provider's answer, may lose the answer."""
    return grief is not failing or point.name.endswith("provider: submit")


def forget_half_files(walk):
    """A killed process can't delete its files. In life a sweep of the folder does."""
    for file in half_files(walk.run):
        file.unlink()


def set_aside(walk):
    """Keep what is stuck from disturbing the next walk."""
    Generation.objects.filter(run=walk.run).update(status=Status.FAILED, claimed_by="")
    stuck = Delivery.objects.filter(generation__run=walk.run)
    stuck.update(status=Delivery.Status.FAILED, claimed_by="")
    forget_half_files(walk)


@pytest.mark.parametrize(("kind", "but"), [("keyed", ()), ("prompt", ()), ("keyless", DELIVERING)])
def test_a_death_loses_nothing_and_doubles_nothing(sweep, kind, but):
    assert sweep(kind, dead, but=but) == {}


@pytest.mark.parametrize(("kind", "but"), [("keyed", ()), ("prompt", DELIVERING)])
def test_a_run_survives_an_error_of_database_disk_cache_or_broker(sweep, kind, but):
    assert sweep(kind, failing, but=but) == {}


def test_a_run_survives_an_unforeseen_error(sweep):
    assert sweep("prompt", surprising) == {}


def test_a_run_arrives_without_cache_and_broker(walk, points):
    walked = walk("keyed", away=LOSABLE)
    assert points.met
    assert (broken(walked, may_be_unknown=False), walked.refusals) == ([], [])


# Planted defects, which must be found


def test_a_submit_that_is_sent_again_without_a_key_is_found(sweep, monkeypatch):
    move = lifecycle.move

    def resending(generation, target, *, changes=None, **more):
        if target == Status.UNKNOWN:
            target, changes = Status.QUEUED, {"claimed_by": "", "next_action_at": timezone.now()}
        return move(generation, target, changes=changes, **more)

    monkeypatch.setattr(lifecycle, "move", resending)
    found = sweep("keyless", dead, only="provider: submit")
    assert any("it was sent 2 times without a key" in promises for promises in found.values())


def test_a_claim_that_is_never_freed_is_found(sweep, monkeypatch):
    monkeypatch.setattr(recovery, "free_forgotten", lambda worker: 0)
    found = sweep("prompt", failing, only="after jobs.dispatch.claim_next: commit")
    assert found
