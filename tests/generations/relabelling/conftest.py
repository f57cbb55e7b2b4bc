import dataclasses

import pytest

from generations.jobs.execution import relabelling, renditions
from generations.models import Relabelling
from generations.relabelling import asking, choosing
from generations.relabelling.choosing import Choice


@pytest.fixture
def other_label(monkeypatch):
    """From now on, the studio's label says something else, so new files differ from old ones."""

    def change(credit="another credit"):
        monkeypatch.setattr(renditions, "label_facts", with_credit(credit))

    return change


label_facts = renditions.label_facts


def with_credit(credit):
    """What a label says of an image, with this line to print beside it; as it is if empty."""

    def changed(*args):
        facts = label_facts(*args)
        return dataclasses.replace(facts, credit=credit or facts.credit)

    return changed


@pytest.fixture
def ask():
    """Order that images are labelled again: all of them, unless a scope and its row are given."""

    def order(scope="all", subject=None, *, only="", actor=None):
        choice = Choice(scope, subject or choosing.everything(), only)
        return asking.ask(choice, actor=actor)

    return order


def work(name="worker"):
    """Let a worker do what is due, once; returns the order that it worked on."""
    order = relabelling.due().first()
    if order:
        relabelling.work(order.pk, name)
        order.refresh_from_db()
    return order


def wake():
    """Let nothing wait until later."""
    Relabelling.objects.update(next_action_at="2020-01-01T00:00Z")
