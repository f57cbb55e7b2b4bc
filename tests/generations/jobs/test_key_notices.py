"""Notices about keys last as long as their cause, and end with it."""

import pytest

from accounts.models import Notice
from generations.jobs import dispatch, provider_health
from generations.providers.errors import Code, Refused

pytestmark = pytest.mark.django_db

ENGINE = "apixo/seedream-4-5"


@pytest.fixture
def account(apixo_key, settings):
    settings.DEMO = False
    [account] = dispatch.accounts_here()
    return account


def lasting():
    return [notice.facts["subject"] for notice in Notice.objects.filter(ended_at__isnull=True)]


def refuse(account, code):
    provider_health.note_refusal(account, Refused(code=code), ENGINE)


def test_a_refused_key_is_told_until_another_one_takes_its_slot(account):
    for _ in range(3):
        refuse(account, Code.AUTH)
    assert lasting() == ["APIXO, key 1: the key is not accepted"]
    provider_health.note_new_key(account, "another")
    assert lasting() == []
    refuse(account, Code.AUTH)
    assert Notice.objects.count() == 2


def test_a_graver_cause_replaces_the_one_before(account):
    refuse(account, Code.INSUFFICIENT_BALANCE)
    refuse(account, Code.AUTH)
    assert lasting() == ["APIXO, key 1: the key is not accepted"]


def test_a_refused_engine_is_told_until_the_key_changes(account):
    refuse(account, Code.NOT_FOUND)
    assert lasting() == [f"APIXO, key 1: {ENGINE} is not available to this key"]
    provider_health.note_new_key(account, "another")
    assert lasting() == []
