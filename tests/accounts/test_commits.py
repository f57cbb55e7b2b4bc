"""Hooks run after a commit, and an error in one affects nothing else."""

import logging

import pytest
from django.db import transaction

from accounts.commits import after_commit

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_hook_runs_only_after_the_commit():
    called = []
    with transaction.atomic():
        after_commit(called.append, 1)
        assert called == []
    assert called == [1]


def test_a_hook_of_a_transaction_rolled_back_never_runs():
    called = []
    with transaction.atomic():
        after_commit(called.append, 1)
        transaction.set_rollback(True)
    assert called == []


def test_a_failing_hook_is_named_in_the_log_and_later_hooks_still_run(caplog):
    called = []
    with caplog.at_level(logging.ERROR), transaction.atomic():
        after_commit(_fail)
        after_commit(called.append, 2)
    assert called == [2]
    assert "_fail" in caplog.text


def test_outside_a_transaction_a_failing_hook_is_caught_as_well(caplog):
    with caplog.at_level(logging.ERROR):
        after_commit(_fail)
    assert "_fail" in caplog.text


def _fail():
    raise ConnectionError("the cache is away")
