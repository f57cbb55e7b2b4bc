"""The health of keys: rests, blocks and balances, and what admins are told once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations import tasks
from generations.jobs import dispatch, hints, provider_health
from generations.jobs.execution import balances
from generations.models import Price, ProviderAccount
from generations.providers import registry
from generations.providers.errors import Code, Misconfigured, NotSent, Refused, Unavailable
from generations.providers.types import ProviderBalance
from generations.reading.sentences import in_words
from tests.emulator import troubles
from tests.generations.asking import APIXO

pytestmark = pytest.mark.django_db

RATE_LIMIT = Unavailable(code=Code.RATE_LIMITED)
WRONG_KEY = Refused(code=Code.AUTH)
NO_MONEY = Refused(code=Code.INSUFFICIENT_BALANCE)


@pytest.fixture
def accounts(settings):
    """Two keys at APIXO."""
    keys = {1: "one", 2: "two"}
    settings.PROVIDERS = {"apixo": {"base_url": "https://api.apixo.ai/api/v1", "keys": keys}}
    settings.DEMO = False
    return sorted(dispatch.accounts_here(), key=lambda account: account.slot)


@pytest.fixture
def account(accounts):
    return accounts[0]


@pytest.fixture
def told(admin, django_capture_on_commit_callbacks):
    """`told(act, …)`: the subjects of the mails that `act` causes."""

    def told(act, *arguments):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            act(*arguments)
        return [message.subject for message in mail.outbox]

    return told


def rest_of(account):
    """Seconds for which the account rests, by its row; 0 for none."""
    account.refresh_from_db()
    if account.paused_until is None:
        return 0
    return (account.paused_until - timezone.now()).total_seconds()


def rest_is_over(account):
    ProviderAccount.objects.filter(pk=account.pk).update(paused_until=timezone.now())


def usd(amount, **more):
    return ProviderBalance(Decimal(amount), "USD", **more)


class TestFailures:
    def test_a_rate_limit_rests_the_key_for_as_long_as_was_asked(self, account):
        provider_health.note_failure(account, Unavailable(code=Code.RATE_LIMITED, retry_after=120))
        assert 110 < rest_of(account) <= 120
        assert account.paused_why == Code.RATE_LIMITED

    def test_a_rate_limit_rests_the_key_for_five_minutes_at_most(self, account):
        provider_health.note_failure(
            account, Unavailable(code=Code.RATE_LIMITED, retry_after=86_400)
        )
        assert 290 < rest_of(account) <= 300

    def test_without_a_time_each_rest_is_longer_up_to_a_minute(self, account):
        rests = []
        for _ in range(9):
            provider_health.note_failure(account, RATE_LIMIT)
            rests.append(round(rest_of(account)))
        assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    def test_other_failures_rest_it_after_five_in_a_row(self, account):
        for _ in range(provider_health.FAILURES_BEFORE_PAUSE - 1):
            provider_health.note_failure(account, NotSent())
        assert rest_of(account) == 0
        provider_health.note_failure(account, NotSent())
        assert 0 < rest_of(account) <= provider_health.PAUSE_SECONDS

    def test_rests_follow_the_time_scale(self, account, settings):
        settings.PROVIDER_TIME_SCALE = 0.01
        for _ in range(provider_health.FAILURES_BEFORE_PAUSE):
            provider_health.note_failure(account, NotSent())
        assert rest_of(account) <= 0.3

    def test_a_longer_pause_set_by_an_admin_stays(self, account):
        ProviderAccount.objects.update(paused_until=timezone.now() + timedelta(days=1))
        provider_health.note_failure(account, RATE_LIMIT)
        assert rest_of(account) > 80_000

    def test_five_rate_limits_in_a_row_are_told_once(self, account, told):
        note = (provider_health.note_failure, account, RATE_LIMIT)
        subjects = [told(*note) for _ in range(7)]
        assert subjects == [[]] * 4 + [["APIXO, key 1: the rate limit is reached"], [], []]

    def test_another_failure_in_between_resets_the_count(self, account, told):
        for _ in range(4):
            provider_health.note_failure(account, RATE_LIMIT)
        provider_health.note_failure(account, NotSent())
        assert told(provider_health.note_failure, account, RATE_LIMIT) == []

    def test_a_success_after_the_rest_ends_the_trouble(self, account):
        for _ in range(5):
            provider_health.note_failure(account, RATE_LIMIT)
        rest_is_over(account)
        provider_health.note_success(account)
        account.refresh_from_db()
        assert (account.failures, account.paused_until, account.alert) == (0, None, "")
        assert not provider_health.is_probing(account)

    def test_a_success_of_an_earlier_submit_does_not_cut_the_rest_short(self, account):
        provider_health.note_failure(account, Unavailable(code=Code.RATE_LIMITED, retry_after=120))
        provider_health.note_success(account)
        assert rest_of(account) > 110
        assert account.failures == 0


class TestRefusals:
    @pytest.mark.parametrize("error", [WRONG_KEY, NO_MONEY])
    def test_a_refused_key_blocks_only_its_own_account(self, accounts, error):
        first, second = accounts
        assert provider_health.note_refusal(first, error) is True
        assert 890 < rest_of(first) <= 900
        assert first.blocked_code == error.code
        assert rest_of(second) == 0
        assert second.blocked_code == ""

    def test_when_the_last_key_is_blocked_none_can_take_the_work(self, accounts):
        first, second = accounts
        provider_health.note_refusal(first, WRONG_KEY)
        assert provider_health.why_blocked("apixo", APIXO) == ""
        assert provider_health.note_refusal(second, NO_MONEY) is False
        assert provider_health.why_blocked("apixo", APIXO) == Code.AUTH

    def test_keys_that_this_process_lacks_do_not_count(self, accounts, settings):
        settings.PROVIDERS["apixo"]["keys"] = {1: "one"}
        assert provider_health.note_refusal(accounts[0], WRONG_KEY) is False
        assert provider_health.why_blocked("apixo", APIXO) == Code.AUTH

    def test_no_key_at_all_is_not_a_blocked_one(self, accounts, settings):
        settings.PROVIDERS = {}
        assert provider_health.why_blocked("apixo", APIXO) == ""

    @pytest.mark.parametrize("code", [Code.PROMPT_REJECTED, Code.FORBIDDEN, Code.NOT_FOUND])
    def test_other_refusals_change_nothing(self, account, told, code):
        before = ProviderAccount.objects.values().get(pk=account.pk)
        assert told(provider_health.note_refusal, account, Refused(code=code)) == []
        assert ProviderAccount.objects.values().get(pk=account.pk) == before

    def test_admins_are_told_once_and_it_is_on_the_record(self, account, told):
        assert told(provider_health.note_refusal, account, WRONG_KEY) == [
            "APIXO, key 1: the key is not accepted"
        ]
        assert told(provider_health.note_refusal, account, WRONG_KEY) == []
        record = Record.objects.get(event=Event.PROVIDER_ALERTED)
        assert (record.actor, record.subject_id) == (None, account.uuid)
        assert record.facts == {"provider": "apixo", "slot": 1, "code": "auth"}

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("auth", "apixo, key 1, The provider did not accept the studio's key"),
            (provider_health.LOW, "apixo, key 1, The balance is low"),
            (
                provider_health.POLLS_REFUSED,
                "apixo, key 1, The provider refuses to report on accepted requests",
            ),
        ],
    )
    def test_the_log_says_it_in_words(self, code, words):
        facts = {"provider": "apixo", "slot": 1, "code": code}
        assert in_words(Event.PROVIDER_ALERTED, facts) == words

    def test_the_balance_that_came_with_it_is_kept(self, account):
        error = Refused(code=Code.INSUFFICIENT_BALANCE, balance=usd("0.01"))
        provider_health.note_refusal(account, error)
        account.refresh_from_db()
        assert (account.balance, account.balance_unit) == (Decimal("0.01"), "USD")

    def test_the_message_leads_to_the_page_and_holds_no_key(self, account, told, settings):
        settings.PUBLIC_URL = "https://studio.example.com"
        told(provider_health.note_refusal, account, NO_MONEY)
        [message] = mail.outbox
        assert "https://studio.example.com/providers/" in message.body
        assert "Top up the balance" in message.body
        assert "one" not in message.body.split()

    def test_another_key_in_the_slot_begins_with_a_clean_slate(self, account, settings):
        provider_health.note_balance(account, usd(0))
        settings.PROVIDERS["apixo"]["keys"] = {1: "a new one", 2: "two"}
        dispatch.accounts_here()
        account.refresh_from_db()
        assert (account.blocked_code, account.paused_until, account.balance) == ("", None, None)


class TestBalances:
    def test_it_is_kept_with_its_unit_time_and_concurrency(self, account):
        provider_health.note_balance(account, usd("12.3456789", concurrency=3))
        account.refresh_from_db()
        assert (account.balance, account.balance_unit) == (Decimal("12.3457"), "USD")
        assert account.balance_at is not None
        assert (account.concurrency_at_provider, account.most_at_once) == (3, 3)

    def test_figures_beyond_all_bounds_break_nothing(self, account):
        provider_health.note_balance(account, usd("1e30"))
        provider_health.note_balance(account, usd("NaN"))
        account.refresh_from_db()
        assert account.balance == provider_health.LARGEST

    def test_below_twenty_of_the_dearest_images_admins_are_told_once(self, account, told):
        Price.objects.filter(engine=APIXO).update(cost_usd=Decimal("0.5"))
        assert told(provider_health.note_balance, account, usd(10)) == []
        assert told(provider_health.note_balance, account, usd("9.99")) == [
            "APIXO, key 1: the balance is low"
        ]
        assert "Balance: 9.99 USD" in mail.outbox[0].body
        assert told(provider_health.note_balance, account, usd("9.50")) == []

    def test_a_price_that_is_no_longer_in_force_does_not_count(self, account):
        Price.objects.create(engine=APIXO, tier="4K", credits=1, cost_usd=Decimal("0.1"))
        Price.objects.filter(engine=APIXO, tier="2K").update(cost_usd=Decimal("0.01"))
        account.balance_unit = "USD"
        assert provider_health.low_mark(account) == 20 * Decimal("0.1")

    def test_in_other_units_the_mark_is_a_hundred(self, account, told):
        note = provider_health.note_balance
        assert told(note, account, ProviderBalance(Decimal(100), "credits")) == []
        assert len(told(note, account, ProviderBalance(Decimal(99), "credits"))) == 1

    def test_admins_may_set_the_mark(self, account, told):
        ProviderAccount.objects.update(warn_below=Decimal(50))
        assert len(told(provider_health.note_balance, account, usd("49.99"))) == 1

    def test_plenty_again_clears_the_alert_so_that_the_next_is_told(self, account, told):
        provider_health.note_balance(account, usd("0.01"))
        provider_health.note_balance(account, usd(500))
        account.refresh_from_db()
        assert account.alert == ""
        assert len(told(provider_health.note_balance, account, usd("0.01"))) == 1

    def test_nothing_left_blocks_before_work_is_wasted(self, account, told):
        assert told(provider_health.note_balance, account, usd(0)) == [
            "APIXO, key 1: the balance is used up"
        ]
        assert rest_of(account) > 890
        assert account.blocked_code == Code.INSUFFICIENT_BALANCE

    def test_topped_up_it_works_again_at_once(self, account):
        provider_health.note_balance(account, usd("-1"))
        provider_health.note_balance(account, usd(500))
        account.refresh_from_db()
        assert (account.blocked_code, account.paused_until, account.alert) == ("", None, "")

    def test_a_little_is_no_proof_that_the_next_request_can_be_paid(self, account):
        provider_health.note_refusal(account, NO_MONEY)
        provider_health.note_balance(account, usd("0.01"))
        account.refresh_from_db()
        assert account.blocked_code == Code.INSUFFICIENT_BALANCE

    def test_money_does_not_mend_a_key_that_is_refused(self, account):
        provider_health.note_refusal(account, WRONG_KEY)
        provider_health.note_balance(account, usd(500))
        account.refresh_from_db()
        assert account.blocked_code == Code.AUTH

    def test_is_recorded_when_it_has_changed_and_at_most_once_an_hour(self, account, monkeypatch):
        def recorded():
            rows = Record.objects.filter(event=Event.PROVIDER_BALANCE).order_by("pk")
            return [(row.facts.get("before"), row.facts["balance"]) for row in rows]

        for amount in (500, 500, 400, 300):
            provider_health.note_balance(account, usd(amount))
        assert recorded() == [(None, "500.0000")]
        monkeypatch.setattr(provider_health.balances, "RECORDED_EVERY", timedelta(0))
        for amount in (300, 300):
            provider_health.note_balance(account, usd(amount))
        assert recorded() == [(None, "500.0000"), ("500.0000", "300.0000")]

    def test_a_success_leaves_a_low_balance_told(self, account, told):
        provider_health.note_balance(account, usd("0.01"))
        provider_health.note_failure(account, NotSent())
        provider_health.note_success(account)
        assert told(provider_health.note_balance, account, usd("0.01")) == []


class TestReadingBalances:
    """With the emulator in APIXO's place."""

    @pytest.fixture
    def account(self, apixo, settings):
        settings.DEMO = False
        [account] = dispatch.accounts_here()
        return account

    def asked(self, apixo):
        return sum(call.route == "balance" for call in apixo.log)

    def test_every_key_is_asked_and_no_more_often_than_every_four_minutes(self, apixo, account):
        assert balances.read_balances() == 1
        assert balances.read_balances() == 0
        account.refresh_from_db()
        assert (account.balance, account.balance_unit) == (Decimal(100), "USD")
        assert self.asked(apixo) == 1
        ProviderAccount.objects.update(balance_at=timezone.now() - timedelta(minutes=4, seconds=1))
        assert balances.read_balances() == 1

    def test_only_one_of_two_workers_reads_at_the_same_time(self, apixo, account, monkeypatch):
        monkeypatch.setattr(dispatch, "accounts_here", lambda: [account, account])
        assert balances.read_balances() == 1
        assert self.asked(apixo) == 1

    def test_right_after_a_refusal_it_is_read_without_delay_and_once(self, apixo, account):
        ProviderAccount.objects.update(balance_at=timezone.now() - timedelta(minutes=1))
        assert balances.read_balance(account.pk) is True
        assert balances.read_balance(account.pk) is False
        assert self.asked(apixo) == 1

    @pytest.mark.parametrize(("milliseconds", "is_read"), [(4_999, False), (5_000, True)])
    def test_after_a_refusal_a_reading_of_the_last_five_seconds_is_enough(
        self, apixo, account, monkeypatch, milliseconds, is_read
    ):
        now = timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: now)
        ago = timedelta(milliseconds=milliseconds)
        ProviderAccount.objects.update(balance_at=now - ago)
        assert balances.read_balance(account.pk) is is_read
        assert self.asked(apixo) == is_read

    def test_a_failed_reading_changes_nothing(self, apixo, account, caplog):
        apixo.script("apixo", "balance", troubles.status(503))
        assert balances.read_balances() == 0
        account.refresh_from_db()
        assert (account.balance, account.balance_at, account.blocked_code) == (None, None, "")
        assert "could not be read" in caplog.text

    @pytest.mark.parametrize("error", [Misconfigured("no such provider"), ZeroDivisionError()])
    def test_one_key_that_cannot_be_asked_leaves_the_other_alone(
        self, apixo, settings, monkeypatch, error
    ):
        settings.PROVIDERS["apixo"]["keys"] = {1: "wrong", 2: apixo.key("apixo")}
        really_adapter = registry.adapter

        def adapter(provider, slot):
            if slot == 1:
                raise error
            return really_adapter(provider, slot)

        monkeypatch.setattr(registry, "adapter", adapter)
        assert balances.read_balances() == 1
        first, second = ProviderAccount.objects.filter(provider="apixo").order_by("slot")
        assert (first.blocked_code, first.balance, first.balance_at) == ("", None, None)
        assert second.balance == Decimal(100)

    def test_a_key_that_is_refused_blocks_its_account_and_leaves_the_other_alone(
        self, apixo, settings
    ):
        keys = {1: "wrong", 2: apixo.key("apixo")}
        settings.PROVIDERS["apixo"]["keys"] = keys
        assert balances.read_balances() == 1
        first, second = ProviderAccount.objects.filter(provider="apixo").order_by("slot")
        assert (first.blocked_code, first.balance) == (Code.AUTH, None)
        assert (second.blocked_code, second.balance) == ("", Decimal(100))

    def test_an_account_of_a_key_that_is_not_here_is_not_read(self, apixo, account, settings):
        settings.PROVIDERS = {}
        assert balances.read_balance(account.pk) is False

    def test_beat_and_hints_name_the_tasks_that_there_are(self, settings):
        beaten = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
        assert tasks.read_balances.name in beaten
        assert tasks.read_balance.name == hints.BALANCE
