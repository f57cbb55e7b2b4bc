"""A broker that is away delays no request, because workers find rows without hints."""

import logging
import threading

import pytest
from celery import current_app
from django.db import transaction

from generations.jobs import hints
from generations.models import Run
from tests.generations.asking import ask

PATIENCE_SECONDS = 30


@pytest.fixture
def publisher(monkeypatch):
    """A publisher for this test only. A test may use it without its thread."""
    publisher = hints.Publisher()
    monkeypatch.setattr(hints, "_publisher", publisher)
    # No worker takes the messages that other tests of this process publish.
    monkeypatch.setattr(hints, "MOST_WAITING", 1_000_000)
    return publisher


@pytest.fixture
def sent(monkeypatch):
    """What was published, by step."""
    sent = []
    monkeypatch.setattr(current_app, "send_task", lambda step, **_more: sent.append(step))
    return sent


@pytest.mark.django_db(transaction=True)
def test_a_run_is_accepted_while_the_broker_does_not_answer(alice, publisher, monkeypatch):
    asked, answers = threading.Event(), threading.Event()
    silent = lambda *_args, **_more: (asked.set(), answers.wait(PATIENCE_SECONDS))  # noqa: E731
    monkeypatch.setattr(current_app, "send_task", silent)
    ask(alice, num_images=4)
    assert Run.objects.get().open == 4
    assert asked.wait(PATIENCE_SECONDS)
    answers.set()


def test_a_broker_that_refuses_is_no_error(publisher, monkeypatch, caplog):
    def refused(*_args, **_more):
        raise ConnectionRefusedError

    monkeypatch.setattr(current_app, "send_task", refused)
    monkeypatch.setattr(publisher, "_run", lambda: None)
    publisher.take((hints.SUBMIT, ()))
    with caplog.at_level(logging.WARNING):
        assert not publisher.publish_waiting()
    assert "could not publish generations.submit" in caplog.text


def test_a_hundred_hints_at_once_are_one_message(publisher, sent, monkeypatch):
    monkeypatch.setattr(publisher, "_run", lambda: None)
    for _ in range(100):
        publisher.take((hints.LABEL, ()))
        publisher.take((hints.FETCH, ()))
    assert publisher.publish_waiting()
    assert sent == [hints.LABEL, hints.FETCH]


def test_while_no_worker_takes_them_the_queue_has_an_end(publisher, monkeypatch):
    monkeypatch.setattr(publisher, "_run", lambda: None)
    monkeypatch.setattr(hints, "MOST_WAITING", 3)
    with current_app.connection_for_write() as connection:
        queue = current_app.amqp.queues["images"](connection.default_channel)
        queue.purge()
        for _ in range(5):
            publisher.take((hints.LABEL, ()))
            assert publisher.publish_waiting()
        assert queue.queue_declare().message_count == 3
        queue.purge()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_published_before_the_commit(publisher, sent, monkeypatch):
    monkeypatch.setattr(publisher, "_run", lambda: None)
    with transaction.atomic():
        hints.hint(hints.SUBMIT)
        publisher.publish_waiting()
        assert sent == []
    publisher.publish_waiting()
    assert sent == [hints.SUBMIT]
