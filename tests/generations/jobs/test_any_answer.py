"""Every generation ends and its credits are settled, whatever a provider answers.

A scripted provider answers at random: anything that an adapter may say, and unforeseen exceptions.
Links, labelling and storage fail at random too. Time passes by setting back the times in the rows.
"""

import contextlib
import errno
import logging
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils import timezone

from accounts import ledger
from accounts.models import Entry
from generations import storage
from generations.jobs import provider_health, recovery, webhooks
from generations.jobs.execution import adopting, delivering, polling, renditions
from generations.labelling import LabelFailed, LabelledImage
from generations.models import Delivery, Generation, Image, ProviderAccount, Run, WebhookEvent
from generations.providers import errors, fetching
from generations.providers.types import (
    Accepted,
    ImageError,
    InlineImage,
    InProgress,
    RemoteImage,
    Result,
    WebhookNews,
)
from generations.states import ENDED, Status
from tests.generations.asking import ask, submit_all
from tests.generations.factories import image_file
from tests.generations.stub import STUB, StubProvider, set_up_stub

pytestmark = pytest.mark.django_db

GOOD, TINY = image_file((600, 600)), image_file((16, 16))
ROUNDS, RUNS = 30, 3
LABELLED = LabelledImage(b"labelled", "PNG", 600, 600, "0" * 64, 1, 12, 7.0, None, "", None)


class NobodyThoughtOfThis(Exception):
    pass


UNFORESEEN = [
    NobodyThoughtOfThis,
    KeyError,
    RecursionError,
    AssertionError,
    ZeroDivisionError,
    lambda: UnicodeError("surrogates"),
    lambda: OSError(errno.ENOSPC, "No space left on device"),
    lambda: ConnectionResetError(errno.ECONNRESET, "reset"),
    MemoryError,
]
SUBMIT_ERRORS = [
    errors.NotSent,
    errors.Unavailable,
    errors.OutcomeUnknown,
    errors.ProviderFailed,
    errors.Refused,
    errors.TaskFailed,
    errors.ProviderError,
]
POLL_ERRORS = [*SUBMIT_ERRORS, errors.TaskCancelled]
WAITS = [None, None, -3.0, 0.0, 5.0, 7200.0, 2_300_000_000.0]


class Chance:
    """Random answers and failures, from a fixed seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def submit(self, _payload, *, on_image=None, **_more):
        if on_image and self.random.random() < 0.2:
            on_image(0, self.image())
        return self._say([self.accepted, self.result], SUBMIT_ERRORS)

    def poll(self, _task):
        return self._say([InProgress, InProgress, self.result], POLL_ERRORS)

    def fetch(self, _url, **_more):
        self._maybe(UNFORESEEN)
        if self.random.random() < 0.3:
            raise errors.FetchFailed(final=self.pick([True, False]))
        return self.pick([GOOD, GOOD, TINY, b"", b"<svg/>", GOOD[:-30]])

    def label(self, _original, *, recipes, **_more):
        self._maybe([*UNFORESEEN, lambda: LabelFailed("x")])
        return [LABELLED for _recipe in recipes]

    def trouble(self, *_given):
        self._maybe(UNFORESEEN)

    def news(self, *_given, **_more):
        task = self.pick(["task-1", "task-2", "theirs"])
        return WebhookNews(task_id=task, event_id=str(self.random.random()))

    def accepted(self):
        return Accepted(task_id=f"task-{self.random.randrange(12)}", request_id="r" * 500)

    def result(self):
        images = tuple(self.image() for _ in range(self.pick([0, 1, 1, 2, 5])))
        return Result(
            images=images,
            seed=self.pick([None, 7, 2**80]),
            cost_usd=self.pick([None, Decimal("0.1"), Decimal("1e40"), Decimal("NaN")]),
            model="m" * 900,
        )

    def image(self):
        expires = self.pick(
            [None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2098, 1, 1, tzinfo=UTC)]
        )
        return self.pick(
            [
                RemoteImage("https://cdn.example/1.png", expires),
                RemoteImage("https://0177.0.0.1/x.png"),
                InlineImage(self.pick([GOOD, TINY, b"nonsense"])),
                ImageError(code="content_policy" * 9),
            ]
        )

    def _say(self, answers, failures):
        self._maybe(UNFORESEEN, 0.2)
        if self.random.random() < 0.5:
            raise self.pick(failures)(
                code=self.pick(list(errors.Code)), retry_after=self.pick(WAITS)
            )
        return self.pick(answers)()

    def _maybe(self, exceptions, chance=0.1):
        if self.random.random() < chance:
            raise self.pick(exceptions)()


@pytest.fixture
def chance(monkeypatch, settings, request):
    seed, able = request.param
    settings.PUBLIC_URL, settings.SERVED_OVER_HTTPS = "https://studio.example.com", True
    chance = Chance(seed)
    set_up_stub(monkeypatch, settings, images_per_request=2, webhook=True, **able)
    settings.PROVIDERS["stub"]["keys"] = {1: "one", 2: "two"}
    for name, step in (
        ("submit", chance.submit),
        ("poll", chance.poll),
        ("read_webhook", chance.news),
    ):
        monkeypatch.setattr(StubProvider, name, step)
    monkeypatch.setattr(fetching, "fetch", chance.fetch)
    monkeypatch.setattr(renditions, "label", chance.label)
    save = storage.save_original

    def save_or_not(name, data):
        chance.trouble()
        save(name, data)

    monkeypatch.setattr(storage, "save_original", save_or_not)
    monkeypatch.setattr(provider_health, "note_success", chance.trouble)
    random.seed(seed)  # the jitter of waits
    logging.disable()
    yield chance
    logging.disable(logging.NOTSET)


KINDS = [
    {},
    {"takes_idempotency_key": True},
    {"answers_at_once": True},
    {"answers_at_once": True, "takes_idempotency_key": True},
]


@pytest.mark.parametrize("chance", [(seed, kind) for seed, kind in enumerate(KINDS)], indirect=True)
def test_every_generation_ends_and_its_credits_are_where_the_rules_say(chance, alice):
    for _ in range(RUNS):
        ask(alice, STUB, chance.pick([1, 2, 4]))
    for number in range(ROUNDS):
        hours = 0.02 if number < ROUNDS / 2 else 5
        pass_time(timedelta(hours=chance.random.uniform(0, hours)))
        one_round(chance)
    pass_time(timedelta(days=3))
    for _ in range(2 * delivering.MAX_TRIES):
        pass_time(timedelta(hours=2))
        one_round(chance, calls=False)
    generations = Generation.objects.select_related("price", "run")
    assert Counter(row.status for row in generations if row.status not in ENDED) == {}
    assert ledger.reconcile() == []
    for generation in generations:
        check_credits(generation)
    for run in Run.objects.all():
        assert (run.open, run.unknown) == (0, 0)
        assert run.delivered == Image.objects.filter(run=run).count()


def check_credits(generation):
    entries = Entry.objects.filter(generation=generation.uuid).values_list("kind", "amount")
    sums = Counter()
    for kind, amount in entries:
        sums[kind] += amount
    assert sums["reserve"] == sums["settle"] + sums["release"]
    arrived = min(generation.delivered, generation.wanted) * generation.price.credits
    if generation.status == Status.SUCCEEDED and not generation.came_late:
        assert sums["settle"] == arrived
    else:
        # A stream may have brought images before its request failed. What came later is free.
        assert sums["settle"] <= arrived


def pass_time(time):
    clocks = {
        Generation: "next_action_at submitted_at retrying_since deadline_at unknown_at "
        "may_arrive_until created_at",
        Delivery: "next_action_at expires_at created_at",
        WebhookEvent: "next_action_at received_at",
        ProviderAccount: "paused_until",
    }
    for model, columns in clocks.items():
        model.objects.update(**{name: F(name) - time for name in columns.split()})


def one_round(chance, *, calls=True):
    """Do once what the loops of a studio do."""
    now = timezone.now()
    submit_all("worker")
    for row in Generation.objects.filter(status=Status.RUNNING, next_action_at__lte=now):
        with contextlib.suppress(Exception):  # the poller's loop would continue
            polling.write_down([polling.ask(row)])
    for pk in Delivery.objects.filter(next_action_at__lte=now).values_list("pk", flat=True):
        delivering.fetch(pk, "worker")
        delivering.label_and_store(pk, "worker")
    for pk in adopting.to_look_up().values_list("pk", flat=True):
        adopting.look_up(pk)
    for pk in WebhookEvent.objects.filter(next_action_at__lte=now).values_list("pk", flat=True):
        adopting.adopt_from(pk)
    if calls and chance.random.random() < 0.3:
        call(chance.pick(list(Generation.objects.exclude(account=None)) or [None]))
    recovery.recover()


def call(generation):
    if generation:
        token = webhooks.requests.webhook_url(generation).rsplit("/", 2)[1]
        webhooks.receive("stub", token, webhooks.WebhookCall(b"{}", {}))
