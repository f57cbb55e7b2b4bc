"""If a key is refused, another key does the work, and admins are told once."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts import ledger
from accounts.events import Event
from accounts.models import Record
from generations.jobs import dispatch, provider_health, recovery
from generations.jobs.execution import polling
from generations.models import EngineBlock, Generation, ProviderAccount
from generations.providers.errors import Code, Refused, TaskFailed, Unavailable
from generations.providers.types import InProgress
from generations.states import Status
from generations.submission import SubmissionRefused
from tests.conftest import configured
from tests.emulator import troubles
from tests.generations.asking import APIXO, ask, submit_all
from tests.generations.factories import make_generation, make_run

pytestmark = pytest.mark.django_db

LITE, PRO = "modelark/seedream-5-0-lite", "modelark/seedream-5-0-pro"
BARE_403 = troubles.status(403, body={"code": 403, "message": "Forbidden", "data": None})
CONTENT_403 = troubles.status(403, body={"code": 403, "message": "Forbidden content"})
UNCLEAR = Refused(code=Code.FORBIDDEN, raw_code="403")
NOT_OPEN = Refused(code=Code.NOT_FOUND, raw_code="ModelNotOpen")


def not_open(model="any"):
    error = {"code": "ModelNotOpen", "message": f"{model} is not activated. Request id: 02"}
    return troubles.status(404, body={"error": error})


@pytest.fixture
def two_keys(providers, settings):
    """`two_keys(provider)`: the emulator, with two keys at `provider` and no other provider."""

    def two_keys(provider):
        settings.DEMO = False
        settings.PROVIDERS = {provider: configured(providers, provider, slots=(1, 2))}
        settings.PROVIDER_TIME_SCALE = 1.0  # no rest ends by itself while a test runs
        providers.seconds = 0.0
        return sorted(dispatch.accounts_here(), key=lambda account: account.slot)

    return two_keys


@pytest.fixture
def told(admin, django_capture_on_commit_callbacks):
    """`told(act, …)`: the subjects of the mails that `act` causes."""

    def told(act, *arguments, **named):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            act(*arguments, **named)
        return [message.subject for message in mail.outbox]

    return told


def work(rounds=4):
    """Submit everything in line, what has come back included, without waiting for its pause."""
    for _ in range(rounds):
        Generation.objects.filter(status=Status.QUEUED).update(next_action_at=None)
        submit_all("a worker")


def rest_is_over():
    now = timezone.now()
    ProviderAccount.objects.update(paused_until=now)
    EngineBlock.objects.update(until=now, counted_at=now - timedelta(hours=1))


def slots_of(status):
    rows = Generation.objects.filter(status=status).order_by("pk")
    return [row.account.slot for row in rows.select_related("account")]


class TestAnotherKey:
    @pytest.mark.parametrize(
        ("provider", "engine", "trouble"),
        [
            ("apixo", APIXO, troubles.status(401)),
            ("apixo", APIXO, troubles.status(402)),
            ("apixo", APIXO, troubles.status(403)),
            ("apixo", APIXO, BARE_403),
            ("apixo", APIXO, troubles.status(404)),
            ("apipod", "apipod/seedream-4-5", troubles.status(403)),
            ("apipod", "apipod/seedream-4-5", troubles.status(404)),
            ("apiframe", "apiframe/seedream-4-5", troubles.status(403)),
            ("fal", "fal/seedream-4-5", troubles.status(403)),
            ("replicate", "replicate/seedream-4-5", troubles.status(404)),
            ("seedance", "seedance/seedream-4-5", troubles.status(403)),
            ("modelark", LITE, not_open()),
        ],
    )
    def test_does_all_of_the_work(self, two_keys, providers, alice, provider, engine, trouble):
        two_keys(provider)
        providers.script_key(provider, 1, "submit", trouble)
        for number in range(4):
            ask(alice, engine, 1, prompt=f"ridge {number}")
        work()
        done = (Status.RUNNING, Status.STORING, Status.SUCCEEDED)
        assert Generation.objects.filter(status__in=done, account__slot=2).count() == 4
        assert len([call for call in providers.submits(provider) if call.status >= 400]) == 1

    def test_is_not_asked_if_the_request_was_refused(self, two_keys, providers, alice):
        two_keys("apixo")
        for slot in (1, 2):
            providers.script_key("apixo", slot, "submit", CONTENT_403)
        run = ask(alice, APIXO, 1)
        work()
        run.refresh_from_db()
        assert (run.status, len(providers.submits("apixo"))) == ("failed", 1)
        assert not EngineBlock.objects.exists()

    def test_if_no_key_can_the_work_fails_and_the_credits_are_returned(
        self, two_keys, providers, alice
    ):
        two_keys("modelark")
        for slot in (1, 2):
            providers.script_key("modelark", slot, "submit", not_open())
        run = ask(alice, LITE, 1)
        work()
        run.refresh_from_db()
        assert (run.status, ledger.balance(alice).reserved) == ("failed", 0)
        assert run.generations.get().error_code == Code.NOT_FOUND
        with pytest.raises(SubmissionRefused, match="does not know this engine"):
            ask(alice, LITE, 1, prompt="another")

    def test_work_in_line_for_an_engine_that_no_key_serves_ends(self, two_keys, alice, settings):
        settings.PROVIDER_RETRY_SECONDS = 0
        accounts = two_keys("modelark")
        waiting, fine = ask(alice, LITE, 1), ask(alice, PRO, 1)
        for account in accounts:
            provider_health.note_refusal(account, NOT_OPEN, LITE)
        recovery.recover()
        assert waiting.generations.get().status == Status.FAILED
        assert fine.generations.get().status == Status.QUEUED


class TestOneEngine:
    """A model that a key may not use is blocked for that key only."""

    def test_other_engines_of_the_key_go_on(self, two_keys, alice):
        first, second = two_keys("modelark")
        assert provider_health.note_refusal(first, NOT_OPEN, LITE) is True
        ProviderAccount.objects.filter(pk=second.pk).update(
            paused_until=timezone.now() + timedelta(hours=1)
        )
        ask(alice, LITE, 1)
        other = ask(alice, PRO, 1)
        assert dispatch.claim_next("a worker") == other.generations.get()
        assert dispatch.claim_next("a worker") is None
        assert provider_health.why_blocked("modelark", PRO) == ""

    def test_it_is_blocked_for_people_when_no_key_can_serve_it(self, two_keys, alice):
        first, second = two_keys("modelark")
        provider_health.note_refusal(first, NOT_OPEN, LITE)
        assert provider_health.why_blocked("modelark", LITE) == ""
        assert provider_health.note_refusal(second, NOT_OPEN, LITE) is False
        assert provider_health.why_blocked("modelark", LITE) == Code.NOT_FOUND
        rest_is_over()
        assert provider_health.why_blocked("modelark", LITE) == ""

    def test_after_the_rest_one_request_tries_it(self, two_keys, alice):
        first, second = two_keys("modelark")
        for account in (first, second):
            provider_health.note_refusal(account, NOT_OPEN, LITE)
        rest_is_over()
        EngineBlock.objects.filter(account=second).update(
            until=timezone.now() + timedelta(minutes=5)
        )
        ask(alice, LITE, 1)
        ask(alice, LITE, 1, prompt="another")
        probe = dispatch.claim_next("a worker")
        assert probe.account == first
        assert dispatch.claim_next("a worker") is None
        provider_health.note_success(first, LITE)
        assert not EngineBlock.objects.filter(account=first).exists()
        assert dispatch.claim_next("a worker").account == first

    def test_a_success_of_another_engine_or_from_before_the_rest_ends_nothing(self, two_keys):
        first, _second = two_keys("modelark")
        provider_health.note_refusal(first, NOT_OPEN, LITE)
        provider_health.note_success(first, LITE)
        rest_is_over()
        provider_health.note_success(first, PRO)
        assert EngineBlock.objects.get().engine == LITE

    def test_admins_are_told_once_and_it_is_on_the_record(self, two_keys, told):
        first, _second = two_keys("modelark")
        subject = f"ModelArk, key 1: {LITE} is not available to this key"
        assert told(provider_health.note_refusal, first, NOT_OPEN, LITE) == [subject]
        assert "ModelNotOpen" in mail.outbox[0].body
        rest_is_over()
        assert told(provider_health.note_refusal, first, NOT_OPEN, LITE) == []
        facts = Record.objects.get(event=Event.PROVIDER_ALERTED).facts
        assert facts == {"provider": "modelark", "slot": 1, "code": "not_found", "engine": LITE}

    def test_another_key_in_the_slot_begins_without_blocks(self, two_keys, settings):
        first, _second = two_keys("modelark")
        provider_health.note_refusal(first, NOT_OPEN, LITE)
        settings.PROVIDERS["modelark"]["keys"][1] = "a new one"
        dispatch.accounts_here()
        assert not EngineBlock.objects.exists()


class TestUnclearRefusals:
    """A 403 that may concern the key or the request."""

    def test_another_key_gets_the_request_and_the_last_one_never_rests(self, two_keys):
        first, second = two_keys("apixo")
        assert provider_health.note_refusal(first, UNCLEAR, APIXO) is True
        assert provider_health.engines_at_rest(first) == [APIXO]
        assert provider_health.note_refusal(second, UNCLEAR, APIXO) is False
        assert provider_health.engines_at_rest(second) == []
        assert provider_health.why_blocked("apixo", APIXO) == ""

    def test_a_burst_counts_once_and_the_third_in_a_row_blocks(self, two_keys, told):
        first, _second = two_keys("apixo")
        for _burst in range(2):
            for _request in range(4):
                assert told(provider_health.note_refusal, first, UNCLEAR, APIXO) == []
            assert not EngineBlock.objects.get().sure
            rest_is_over()
        [subject] = told(provider_health.note_refusal, first, UNCLEAR, APIXO)
        assert subject == f"APIXO, key 1: {APIXO} is refused to this key"
        assert EngineBlock.objects.get().sure

    def test_admins_hear_of_the_only_key_too_though_it_goes_on(self, two_keys, told, settings):
        first, _second = two_keys("apixo")
        settings.PROVIDERS["apixo"]["keys"] = {1: "one"}
        subjects = []
        for _request in range(4):
            subjects += told(provider_health.note_refusal, first, UNCLEAR, APIXO)
            rest_is_over()
        assert len(subjects) == 1
        assert provider_health.engines_at_rest(first) == []


class TestPolls:
    """Polls of accepted work are refused: polling continues, and admins are told."""

    WRONG_KEY = Refused(code=Code.AUTH, raw_code="401")

    @pytest.fixture
    def account(self, two_keys):
        return two_keys("apixo")[0]

    def note(self, account, *answers):
        account.refresh_from_db()
        provider_health.note_polls((account, answer) for answer in answers)

    def a_minute_later(self):
        earlier = timezone.now() - timedelta(seconds=61)
        ProviderAccount.objects.exclude(polls_refused_at=None).update(polls_refused_at=earlier)

    def test_the_poller_notes_them_and_goes_on_asking(self, account, providers, alice, told):
        providers.script_key("apixo", 1, "status", troubles.status(401))
        run = make_run(alice, engine=APIXO, open=1)
        generation = make_generation(run, Status.RUNNING, account=account, task_id="task_1")

        def poll():
            generation.refresh_from_db()
            polling.write_down([polling.ask(generation)])

        assert told(poll) == []
        self.a_minute_later()
        assert len(told(poll)) == 1
        assert told(poll) == []
        generation.refresh_from_db()
        assert generation.status == Status.RUNNING

    def test_refused_for_a_minute_they_are_told_once_and_block_nothing(self, account, told):
        assert told(self.note, account, self.WRONG_KEY) == []
        self.a_minute_later()
        [subject] = told(self.note, account, self.WRONG_KEY, self.WRONG_KEY)
        assert subject == "APIXO, key 1: the provider refuses to report on accepted requests"
        assert told(self.note, account, self.WRONG_KEY) == []
        account.refresh_from_db()
        assert (account.blocked_code, account.paused_until) == ("", None)

    def test_an_answer_ends_it_so_that_the_next_time_is_told(self, account, told):
        for _time in range(2):
            self.note(account, self.WRONG_KEY)
            self.a_minute_later()
            assert len(told(self.note, account, self.WRONG_KEY)) == 1
            self.note(account, InProgress(), self.WRONG_KEY)
            account.refresh_from_db()
            assert account.polls_refused_at is None

    def test_a_task_that_failed_for_want_of_balance_blocks_the_key(self, account, told):
        failed = TaskFailed(code=Code.INSUFFICIENT_BALANCE, raw_code="INSUFFICIENT_CREDITS")
        assert told(self.note, account, failed) == ["APIXO, key 1: the balance is used up"]
        account.refresh_from_db()
        assert account.blocked_code == Code.INSUFFICIENT_BALANCE

    @pytest.mark.parametrize(
        "answer",
        [
            Refused(code=Code.NOT_FOUND, raw_code="404"),
            TaskFailed(code=Code.CONTENT_POLICY),
            Unavailable(code=Code.CONNECTION),
            InProgress(),
        ],
    )
    def test_other_answers_say_nothing_about_the_key_and_cost_no_query(
        self, account, answer, django_assert_num_queries
    ):
        account.refresh_from_db()
        with django_assert_num_queries(0):
            provider_health.note_polls([(account, answer)])
