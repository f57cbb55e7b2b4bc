"""Acts on credits in any order, beside a model of them; see `credit_machine`.

`python -m tests.faults credits 2000` tries many more.
"""

from unittest import mock

import pytest
from django.db import IntegrityError
from django.db.models import F
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from accounts.ledger import reserving
from accounts.models import Allowance
from tests.faults.credit_machine import CreditMachine, make_people

pytestmark = pytest.mark.django_db

FEW = settings(
    max_examples=12,
    stateful_step_count=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
)


@pytest.fixture(autouse=True)
def _people(db, monkeypatch):
    monkeypatch.setattr(CreditMachine, "people", make_people())


def test_any_mix_of_acts_keeps_the_books():
    run_state_machine_as_test(CreditMachine, settings=FEW)


def _blind(allowance, credits):
    """The defect: what is reserved is not looked at."""
    fits = Allowance.objects.filter(pk=allowance.pk, limit__gte=F("spent") + credits - F("top_up"))
    return bool(fits.update(reserved=F("reserved") + credits))


def _forgetful(generation):
    """The defect: it does not look whether the reservation was resolved before."""
    return False


@pytest.mark.parametrize(
    ("name", "defect"), [("_reserve_in", _blind), ("_is_resolved", _forgetful)]
)
def test_a_planted_defect_is_found(name, defect):
    with (
        mock.patch.object(reserving, name, defect),
        pytest.raises((AssertionError, IntegrityError, ExceptionGroup)),
    ):
        run_state_machine_as_test(CreditMachine, settings=settings(FEW, max_examples=100))
