"""A broker that is away costs a request nothing: the row is the truth, a hint is only a hint."""

import logging

import pytest
from celery import current_app

from generations import hints
from generations.models import Run
from tests.generations.asking import ask


@pytest.fixture
def dead_broker(monkeypatch):
    """How often publishing was tried at a broker that answers nobody."""
    tried = []

    def refused(name, **kwargs):
        tried.append(name)
        raise ConnectionRefusedError

    monkeypatch.setattr(current_app, "send_task", refused)
    monkeypatch.setattr(hints, "_resting_until", 0.0)
    return tried


@pytest.mark.django_db(transaction=True)
def test_a_run_is_accepted_while_the_broker_is_away(alice, dead_broker, caplog):
    with caplog.at_level(logging.WARNING):
        ask(alice, num_images=4)
    assert Run.objects.get().open == 4
    assert "recovery will find the row" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_broker_is_asked_once_and_then_left_alone_for_a_while(alice, dead_broker, monkeypatch):
    ask(alice, num_images=4)
    ask(alice, num_images=4)
    assert dead_broker == [hints.SUBMIT]
    monkeypatch.setattr(hints, "_resting_until", 0.0)
    ask(alice, num_images=1)
    assert len(dead_broker) == 2
