"""The whole way of a run, with a real HTTP server as the provider: each outcome, and who pays."""

from decimal import Decimal

import pytest

from accounts import ledger
from accounts.events import Event
from accounts.models import Record
from generations import storage, submission
from generations.jobs import decisions
from generations.jobs.worker import work_here
from generations.labelling import read_xmp
from generations.models import Generation, Image, ProviderAccount
from generations.states import RunStatus, Status
from tests.emulator import troubles
from tests.generations.asking import APIXO, ask

pytestmark = pytest.mark.django_db(transaction=True)


def work(run):
    """Be a worker until the run is no longer pending."""
    work_here(lambda: not type(run).objects.filter(pk=run.pk, status="pending").exists())
    run.refresh_from_db()
    assert ledger.reconcile() == []
    return run


def made(user, num_images=4, **more):
    return work(ask(user, APIXO, num_images, **more))


def price():
    return Generation.objects.first().price.credits


class TestSuccess:
    def test_four_labelled_images_and_their_price(self, alice, apixo):
        run = made(alice)
        assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 4)
        assert ledger.balance(alice).spent == 4 * price()
        assert [image.position for image in run.images.all()] == [0, 1, 2, 3]
        for image in run.images.all():
            assert {row.recipe for row in image.renditions.all()} == {"full", "screen", "preview"}

    def test_originals_are_the_providers_bytes_and_renditions_are_labelled(self, alice, apixo):
        image = made(alice, 1).images.get()
        original = storage.read(storage.originals(), image.original_name)
        assert read_xmp(original) is None
        for rendition in image.renditions.all():
            xmp = read_xmp(storage.read(storage.renditions(), rendition.name))
            assert b"digitalsourcetype/trainedAlgorithmicMedia" in xmp
            assert str(image.uuid).encode() in xmp

    def test_the_story_names_hashes_model_and_task(self, alice, apixo):
        run = made(alice, 1)
        records = {record.event: record for record in Record.objects.filter(story=run.uuid)}
        assert records[Event.GENERATION_RUNNING].facts["task_id"]
        assert records[Event.GENERATION_STORING].facts["answer"]["state"] == "success"
        assert run.generations.get().cost_usd == Decimal("0.035")
        facts = records[Event.IMAGE_STORED].facts
        assert facts["original_sha256"] == run.images.get().original_sha256
        assert set(facts["renditions"]) == {"full", "screen", "preview"}

    def test_the_story_tells_of_each_labelled_file_and_of_its_label(self, alice, apixo):
        run = made(alice, 1)
        image, facts = run.images.get(), Record.objects.get(event=Event.IMAGE_STORED).facts
        files = {each["sha256"]: each["bytes"] for each in facts["files"]}
        assert files == dict(image.renditions.values_list("sha256", "bytes"))
        assert facts["label"]["badge"] == "AI-generated"
        assert facts["label"]["image_id"] == str(image.uuid)
        assert facts["label"]["digital_source_type"].endswith("/trainedAlgorithmicMedia")
        assert run.prompt not in str(facts)

    def test_a_sequential_set_that_brings_fewer_has_succeeded(self, alice, apixo):
        apixo.script("apixo", "submit", troubles.partial(3))
        run = made(alice, 5, sequential=True)
        assert (run.status, run.wanted, run.delivered) == (RunStatus.SUCCEEDED, 3, 3)
        assert ledger.balance(alice).spent == 3 * price()


class TestPartial:
    def test_three_of_four_are_charged_and_the_fourth_can_be_tried_again(self, alice, apixo):
        apixo.script("apixo", "submit", troubles.partial(3))
        run = made(alice)
        assert (run.status, run.delivered, run.missing) == (RunStatus.PARTIAL, 3, 1)
        balance = ledger.balance(alice)
        assert (balance.spent, balance.reserved) == (3 * price(), 0)
        run = work(submission.try_again(run, actor=alice))
        assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 4)
        assert sorted(image.position for image in run.images.all()) == [0, 1, 2, 3]
        assert ledger.balance(alice).spent == 4 * price()

    def test_a_file_that_is_no_image_fails_alone(self, alice, apixo):
        nonsense = troubles.Trouble(raw="<svg/>", content_type="image/png")
        apixo.script("apixo", "image", nonsense)
        run = made(alice)
        assert (run.status, run.delivered) == (RunStatus.PARTIAL, 3)
        assert ledger.balance(alice).spent == 3 * price()
        assert Record.objects.get(event=Event.IMAGE_MISSED).facts["error"] == "image_invalid"

    def test_a_link_that_fails_at_first_is_fetched_again(self, alice, apixo):
        apixo.script("apixo", "image", troubles.status(404, times=2), troubles.cut_midway())
        assert made(alice).status == RunStatus.SUCCEEDED

    def test_links_that_are_dead_for_good_return_the_credits(self, alice, apixo, settings):
        settings.PROVIDER_TIME_SCALE = 0.001
        apixo.script("apixo", "image", troubles.status(403, times=100))
        run = made(alice, 2)
        assert (run.status, run.delivered) == (RunStatus.FAILED, 0)
        assert run.generations.get().error_code == "image_unreachable"
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total

    def test_an_admin_fetches_them_again_free_to_the_person(self, alice, admin, apixo, settings):
        settings.PROVIDER_TIME_SCALE = 0.001
        apixo.script("apixo", "image", troubles.status(403, times=8))
        run = made(alice, 1)
        assert run.status == RunStatus.FAILED
        generation = run.generations.select_related("run").get()
        assert decisions.fetch_again(generation, actor=admin) == 1
        work_here(Image.objects.exists)
        run.refresh_from_db()
        assert (run.status, run.delivered) == (RunStatus.SUCCEEDED, 1)
        assert ledger.balance(alice).spent == 0
        assert ledger.reconcile() == []

    def test_a_link_to_a_private_address_is_never_followed(self, alice, apixo):
        away = troubles.redirect("http://127.0.0.1:1/x.png")
        apixo.script("apixo", "image", away)
        run = made(alice, 1)
        assert run.status == RunStatus.FAILED


class TestRefusals:
    def test_sensitive_content_costs_nothing_and_is_not_sent_again(self, alice, apixo):
        apixo.script("apixo", "submit", troubles.failed("SensitiveContentDetected"))
        run = made(alice)
        assert run.status == RunStatus.FAILED
        assert run.generations.get().error_code == "content_policy"
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total
        assert len(apixo.submits("apixo")) == 1

    @pytest.mark.parametrize(
        ("code", "error"),
        [(400, "invalid_request"), (401, "auth"), (402, "insufficient_balance")],
    )
    def test_a_refused_submit_fails_at_once(self, alice, apixo, code, error):
        apixo.script("apixo", "submit", troubles.status(code))
        run = made(alice)
        assert run.generations.get().error_code == error
        assert len(apixo.submits("apixo")) == 1
        assert ledger.balance(alice).spent == 0


class TestTryingAgain:
    def test_429_twice_then_success(self, alice, apixo):
        apixo.script("apixo", "submit", troubles.status(429, times=2))
        assert made(alice).status == RunStatus.SUCCEEDED
        assert len(apixo.submits("apixo")) == 3
        assert Generation.objects.get().attempt == 3

    def test_an_endless_429_ends_after_a_bounded_number_of_attempts(self, alice, apixo, settings):
        settings.PROVIDER_MAX_ATTEMPTS = 3
        apixo.script("apixo", "submit", troubles.status(429, times=50))
        run = made(alice)
        assert (run.status, run.generations.get().error_code) == (RunStatus.FAILED, "rate_limited")
        assert len(apixo.submits("apixo")) == 3
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total

    def test_trouble_while_polling_only_costs_time(self, alice, apixo):
        apixo.script("apixo", "status", troubles.status(502), troubles.malformed(), troubles.html())
        assert made(alice).status == RunStatus.SUCCEEDED
        assert len(apixo.submits("apixo")) == 1


class TestLostAnswers:
    @pytest.mark.parametrize(
        "trouble", [troubles.lost_answer(), troubles.malformed(), troubles.cut_midway()]
    )
    def test_no_answer_is_unknown_and_never_sent_again(self, alice, apixo, trouble):
        apixo.script("apixo", "submit", trouble)
        run = made(alice)
        assert (run.status, run.unknown) == (RunStatus.UNKNOWN, 4)
        assert ledger.balance(alice).reserved == 4 * price()
        assert len(apixo.submits("apixo")) == 1

    def test_an_admin_gives_the_task_id(self, alice, admin, apixo):
        apixo.script("apixo", "submit", troubles.lost_answer())
        run = made(alice)
        generation = run.generations.select_related("run", "price").get()
        [task_id] = apixo.tasks
        decisions.give_task_id(generation, task_id, actor=admin, reason="in their console")
        assert work(run).status == RunStatus.SUCCEEDED
        assert ledger.balance(alice).spent == 4 * price()

    @pytest.mark.parametrize(("decide", "spent"), [("accept_charge", 4), ("release", 0)])
    def test_an_admin_settles_it(self, alice, admin, apixo, decide, spent):
        apixo.script("apixo", "submit", troubles.lost_answer())
        generation = made(alice).generations.select_related("run", "price").get()
        getattr(decisions, decide)(generation, actor=admin, reason="asked support")
        balance = ledger.balance(alice)
        assert (balance.spent, balance.reserved) == (spent * price(), 0)
        with pytest.raises(decisions.DecisionRefused):
            decisions.release(generation, actor=admin, reason="twice")

    def test_a_task_that_never_ends_is_unknown_at_its_deadline(self, alice, apixo, settings):
        settings.PROVIDER_TIME_SCALE = 0.001
        apixo.seconds = 1000
        run = made(alice)
        assert run.status == RunStatus.UNKNOWN
        assert run.generations.get().error_code == "timeout"


class TestDemo:
    def test_a_run_can_be_cancelled_while_it_is_generated(self, alice):
        run = ask(alice, num_images=1)
        generation = run.generations.select_related("run", "price").get()

        def cancelled():
            generation.refresh_from_db()
            if generation.status == Status.RUNNING and not generation.cancel_asked_at:
                submission.cancel(generation, actor=alice)
            return not type(run).objects.filter(pk=run.pk, status="pending").exists()

        work_here(cancelled)
        run.refresh_from_db()
        assert run.status == RunStatus.CANCELLED
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total
        assert not Image.objects.exists()


def test_an_account_that_recovers_is_no_longer_counted_as_failing(alice, apixo):
    apixo.script("apixo", "submit", troubles.status(503, times=2))
    made(alice, 1)
    assert ProviderAccount.objects.get(provider="apixo").failures == 0
