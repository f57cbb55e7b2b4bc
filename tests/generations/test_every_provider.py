"""A whole run at every provider, through a real HTTP server that speaks their contracts."""

import io
from dataclasses import replace

import pytest
from PIL import Image as Picture

from accounts import ledger
from accounts.events import Event
from accounts.models import Record
from generations import submission
from generations.jobs import decisions
from generations.jobs.execution import adopting
from generations.jobs.worker import work_here
from generations.models import EngineBlock, Generation, ProviderAccount, WebhookEvent
from generations.providers import registry
from generations.states import RunStatus, Status
from tests.conftest import configured
from tests.emulator import troubles
from tests.generations.asking import ask, upload

pytestmark = pytest.mark.django_db(transaction=True)

PROVIDERS = ("apiframe", "apipod", "apixo", "fal", "modelark", "replicate", "seedance")
CALLING = ("apiframe", "apipod", "apixo", "fal", "replicate")
PUBLIC_URL = "https://studio.example.com"


@pytest.fixture(params=PROVIDERS)
def provider(request, providers):
    return request.param


@pytest.fixture
def engine(provider):
    return registry.engine(f"{provider}/seedream-4-5")


@pytest.fixture
def public(settings, live_server):
    """A studio that providers can call, at this machine's IP address."""
    settings.PUBLIC_URL = live_server.url.replace("localhost", "127.0.0.1")
    settings.SERVED_OVER_HTTPS = True


def work(run, until=lambda: False):
    pending = type(run).objects.filter(pk=run.pk, status=RunStatus.PENDING)
    work_here(lambda: until() or not pending.exists())
    run.refresh_from_db()
    assert ledger.reconcile() == []
    return run


def made(user, engine, num_images, **more):
    return work(ask(user, engine.name, num_images, **more))


def price(run):
    return run.generations.first().price.credits


@pytest.mark.parametrize("num_images", [1, 4])
def test_what_was_asked_for_arrives_and_is_charged(alice, providers, engine, num_images):
    run = made(alice, engine, num_images)
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, num_images)
    assert ledger.balance(alice).spent == num_images * price(run)
    requests = -(-num_images // engine.capabilities.images_per_request)
    assert len(providers.submits(engine.provider)) == requests


def test_what_does_not_arrive_is_not_charged(alice, providers, engine):
    """If a request makes one image, the last of four requests fails."""
    one = engine.capabilities.images_per_request == 1
    trouble = troubles.failed("SomethingNew") if one else troubles.partial(3)
    providers.script(engine.provider, "submit", trouble)
    run = made(alice, engine, 4)
    assert (run.status, run.delivered) == (RunStatus.PARTIAL, 3)
    assert ledger.balance(alice).spent == 3 * price(run)


def test_a_lost_answer_costs_nothing_until_it_is_settled(alice, providers, engine):
    providers.script(engine.provider, "submit", troubles.lost_answer())
    run = made(alice, engine, 1)
    tasks = [task for task in providers.tasks.values() if task.provider == engine.provider]
    assert len(tasks) == 1
    if engine.capabilities.takes_idempotency_key:
        assert (run.status, len(providers.submits(engine.provider))) == (RunStatus.SUCCEEDED, 2)
        assert ledger.balance(alice).spent == price(run)
    else:
        assert (run.status, len(providers.submits(engine.provider))) == (RunStatus.UNKNOWN, 1)
        assert ledger.balance(alice).reserved == price(run)


@pytest.mark.parametrize("provider", CALLING)
def test_a_webhook_makes_the_result_known_at_once(alice, providers, engine, public, settings):
    settings.PROVIDER_TIME_SCALE = 1  # without a webhook, the first poll is seconds away
    providers.seconds = 0.2
    run = made(alice, engine, 1)
    providers.wait()
    assert run.status == RunStatus.SUCCEEDED
    assert WebhookEvent.objects.get().task_id == run.generations.get().task_id


@pytest.mark.parametrize("provider", ["apixo", "fal", "replicate"])
def test_a_webhook_settles_a_lost_answer(alice, providers, engine, public):
    providers.script(engine.provider, "submit", troubles.lost_answer())
    run = made(alice, engine, 1)
    providers.wait()
    event = WebhookEvent.objects.get()
    WebhookEvent.objects.update(next_action_at=event.received_at)
    adopting.adopt_from(event.pk)  # unless the worker saw the task before it ended
    assert work(run).status == RunStatus.SUCCEEDED
    assert ledger.balance(alice).spent == price(run)


@pytest.mark.parametrize("provider", ["fal", "replicate"])
def test_a_task_given_by_hand_is_asked_about_at_its_own_address(alice, admin, providers, engine):
    """The links of the task that was stored before would lead to that task."""
    providers.script(engine.provider, "submit", troubles.lost_answer())
    lost = made(alice, engine, 1).generations.select_related("run", "price", "account").get()
    [task_id] = [task.id for task in providers.tasks.values() if task.provider == engine.provider]
    address = f"{providers.base_url(engine.provider)}/another-task"
    stale = dict.fromkeys(("status_url", "response_url", "get"), address)
    Generation.objects.filter(pk=lost.pk).update(task_id="another-task", task_urls=stale)
    decisions.give_task_id(lost, task_id, actor=admin, reason="seen in the console")
    assert work(lost.run).status == RunStatus.SUCCEEDED


@pytest.mark.parametrize("provider", ["fal", "replicate"])
def test_a_run_is_cancelled_at_the_provider(alice, providers, engine):
    providers.seconds = 1000
    run = ask(alice, engine.name, 1)
    running = Generation.objects.filter(run=run, status=Status.RUNNING)
    work(run, until=running.exists)
    assert submission.cancel(running.select_related("run").get(), actor=alice)
    assert work(run).status == RunStatus.CANCELLED
    assert ledger.balance(alice).left == ledger.balance(alice).limit_total


def test_a_job_that_goes_on_after_its_cancel_is_delivered_and_charged(alice, providers):
    """fal answers OK to a cancel, but the job goes on: its image is billed and must arrive."""
    providers.seconds = 1000
    unheeded = replace(troubles.unheeded(200, {"status": "OK"}), times=1_000_000)
    providers.script("fal", "cancel", unheeded)
    run = ask(alice, "fal/seedream-4-5", 1)
    running = Generation.objects.filter(run=run, status=Status.RUNNING)
    work(run, until=running.exists)
    assert submission.cancel(running.select_related("run").get(), actor=alice)
    work(run, until=lambda: providers.calls("fal", "cancel"))
    providers.finish_tasks()
    assert work(run).status == RunStatus.SUCCEEDED
    assert ledger.balance(alice).spent == price(run)


def test_references_reach_the_provider(alice, providers, engine, public):
    if not engine.capabilities.max_references:
        return
    file = io.BytesIO()
    Picture.new("RGB", (640, 480), "teal").save(file, "JPEG")
    run = made(alice, engine, 1, references=[upload(file.getvalue())])
    assert run.status == RunStatus.SUCCEEDED
    [call] = providers.submits(engine.provider)
    assert "/r/" in str(call.body) or "data:image/jpeg;base64," in str(call.body)


def test_a_set_is_one_request_and_may_bring_fewer(alice, providers, engine):
    if not engine.capabilities.sequential:
        return
    run = made(alice, engine, 4, sequential=True)
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 4)
    assert len(providers.submits(engine.provider)) == 1


def test_every_documented_refusal_returns_the_credits(alice, providers, engine):
    for status in (400, 401, 402, 403, 404):
        providers.script(engine.provider, "submit", troubles.status(status))
        run = made(alice, engine, 1)
        assert run.status == RunStatus.FAILED, status
        # The refused key does not hold up the next request.
        ProviderAccount.objects.update(paused_until=None, blocked_code="", failures=0)
        EngineBlock.objects.all().delete()
    assert ledger.balance(alice).left == ledger.balance(alice).limit_total


def test_an_answer_that_is_no_image_fails_and_returns_the_credits(alice, providers, engine):
    providers.script(engine.provider, "image", troubles.no_image())
    run = made(alice, engine, 1)
    assert run.status == RunStatus.FAILED
    assert run.generations.get().deliveries.get().error_code == "image_invalid"
    assert ledger.balance(alice).spent == 0


def test_another_size_than_asked_for_is_kept_and_on_the_record(alice, providers, engine):
    providers.small = False
    providers.script(engine.provider, "submit", troubles.wrong_size(640, 480))
    run = made(alice, engine, 1)
    assert run.status == RunStatus.SUCCEEDED
    facts = Record.objects.get(event=Event.IMAGE_STORED).facts
    assert (facts["width"], facts["height"]) == (640, 480)


def test_images_of_a_stream_appear_one_by_one(alice, providers):
    """ModelArk streams a set: its first image is stored before the answer has ended."""
    providers.script("modelark", "submit", troubles.held_midway())
    run = ask(alice, "modelark/seedream-4-5", 3, sequential=True)
    generation = run.generations.get()

    def first_is_there():
        generation.refresh_from_db()
        if (generation.status, generation.delivered) == (Status.SUBMITTING, 1):
            providers.let_go()
        return False

    work(run, until=first_is_there)
    assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 3)


@pytest.fixture
def two_keys(providers, settings):
    """Two accounts at Apiframe. Each knows only its own tasks."""
    both = configured(providers, "apiframe", slots=(1, 2))
    settings.PROVIDERS = {**settings.PROVIDERS, "apiframe": both}
    return providers


def test_work_is_spread_over_keys_and_each_task_is_read_with_its_own(alice, two_keys):
    two_keys.seconds = 1000
    ProviderAccount.objects.create(
        provider="apiframe", slot=1, key_fingerprint="f", concurrency=2, per_minute=60
    )
    run = ask(alice, "apiframe/seedream-4-5", 4)

    def all_are_there():
        if len(two_keys.tasks) == 4:
            two_keys.finish_tasks()
        return False

    work(run, until=all_are_there)
    assert run.status == RunStatus.SUCCEEDED
    assert {row.account.slot for row in run.generations.select_related("account")} == {1, 2}
    for name in ("submit", "status"):
        assert len({call.account for call in two_keys.calls("apiframe", name)}) == 2


def test_while_one_key_is_used_up_another_does_the_work(alice, two_keys):
    two_keys.script("apiframe", "submit", troubles.status(402))
    run = made(alice, registry.engine("apiframe/seedream-4-5"), 1)
    assert run.status == RunStatus.SUCCEEDED
    blocked = ProviderAccount.objects.filter(provider="apiframe").order_by("blocked_code")
    assert [account.blocked_code for account in blocked] == ["", "insufficient_balance"]
    assert run.generations.get().account == blocked[0]


def test_a_stream_that_breaks_off_keeps_what_came(alice, providers):
    providers.script("modelark", "submit", troubles.cut_midway())
    run = made(alice, registry.engine("modelark/seedream-4-5"), 3, sequential=True)
    assert (run.status, run.delivered, run.missing) == (RunStatus.PARTIAL, 1, 2)
    assert ledger.balance(alice).spent == price(run)
    assert len(providers.submits("modelark")) == 1
