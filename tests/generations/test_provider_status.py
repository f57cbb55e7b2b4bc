"""The page on providers: who sees it, what it says of every key, and that trouble comes first."""

from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from generations.jobs import dispatch, provider_health, webhooks
from generations.models import Generation, ProviderAccount
from generations.providers.errors import Code, Refused
from generations.providers.types import ProviderBalance
from generations.reading import provider_status
from generations.states import Status
from tests.bench.scale import rows
from tests.generations.asking import APIXO
from tests.generations.factories import make_generation, make_run
from tests.queries import plans_with, queries_of

pytestmark = pytest.mark.django_db


def set_keys(settings, count, provider="apixo"):
    keys = {slot: f"key-{slot}" for slot in range(1, count + 1)}
    configured = {"base_url": "https://api.apixo.ai/api/v1", "keys": keys}
    settings.PROVIDERS = {**settings.PROVIDERS, provider: configured}


@pytest.fixture
def accounts(settings):
    """Two keys at APIXO, and no demo."""
    settings.DEMO = False
    set_keys(settings, 2)
    return sorted(dispatch.accounts_here(), key=lambda account: account.slot)


@pytest.fixture
def account(accounts):
    return accounts[0]


@pytest.fixture
def page(admin, sign_in):
    """`page()` returns what an admin reads."""
    client = sign_in(admin)

    def page():
        return client.get(reverse("providers")).content.decode()

    return page


def keys():
    return provider_status.keys(timezone.get_default_timezone())


def status_of(account):
    [key] = [key for key in keys() if key.pk == account.pk]
    return key


def change(account, **values):
    ProviderAccount.objects.filter(pk=account.pk).update(**values)


def make_ended(user, account, status=Status.SUCCEEDED, *, seconds=10, ago=timedelta(), **values):
    ended_at = timezone.now() - ago
    times = {"submitted_at": ended_at - timedelta(seconds=seconds), "ended_at": ended_at}
    return make_generation(make_run(user, engine=APIXO), status, account=account, **times, **values)


class TestAccess:
    def test_admins_may_open_it(self, account, page):
        assert "APIXO, key 1" in page()

    def test_refused_to_members(self, alice, sign_in):
        assert sign_in(alice).get(reverse("providers")).status_code == HTTPStatus.FORBIDDEN

    def test_strangers_sign_in_first(self):
        response = Client().get(reverse("providers"))
        assert response.status_code == HTTPStatus.FOUND
        assert reverse("account_login") in response.url

    def test_the_rail_leads_there_for_those_who_may(self, admin, alice, sign_in):
        link = f'href="{reverse("providers")}"'
        assert link in sign_in(admin).get(reverse("credits")).content.decode()
        assert link not in sign_in(alice).get(reverse("credits")).content.decode()


class TestStates:
    def test_working(self, account, page):
        key = status_of(account)
        assert (key.state.title, key.state.tone, key.to_do) == ("Working", "ok", "")
        assert account.key_fingerprint in page()

    def test_a_key_that_no_worker_has_seen_yet(self, settings, page):
        settings.DEMO = False
        set_keys(settings, 1)
        assert "APIXO, key 1" in page()
        assert not ProviderAccount.objects.exists()

    def test_resting_says_until_when_and_because_of_what(self, account, page):
        until = timezone.now() + timedelta(minutes=2)
        change(account, paused_until=until, paused_why=str(Code.RATE_LIMITED))
        sentence = status_of(account).state.sentence
        assert sentence.startswith("Resting until ")
        assert "takes no more requests" in sentence
        assert "lower “at once”" in page()

    def test_a_pause_of_an_admin(self, account):
        change(account, paused_until=timezone.now() + timedelta(days=2))
        key = status_of(account)
        assert "An admin has set this pause" in key.state.sentence
        assert key.to_do == ""

    def test_after_the_rest_it_is_trying_again(self, account):
        change(account, paused_until=timezone.now(), paused_why=str(Code.CONNECTION))
        assert status_of(account).state.title == "Trying again"

    @pytest.mark.parametrize(
        ("code", "why", "to_do"),
        [
            (Code.AUTH, "did not accept the studio's key", "APIXO_API_KEY"),
            (Code.INSUFFICIENT_BALANCE, "balance at the provider is used up", "Top up"),
        ],
    )
    def test_blocked_says_why_and_what_to_do(self, account, code, why, to_do):
        provider_health.note_refusal(account, Refused(code=code))
        key = status_of(account)
        assert key.state.title == "Blocked"
        assert why in key.state.sentence
        assert to_do in key.to_do

    def test_blocked_says_since_when_and_what_the_studio_does_meanwhile(self, accounts):
        first, second = accounts
        provider_health.note_refusal(first, Refused(code=Code.AUTH))
        first.refresh_from_db()
        time = timezone.localtime(first.paused_until).strftime("%H:%M")
        state = status_of(first).state
        assert state.sentence.startswith("Blocked since ")
        assert f"It rests until {time}, then one request tests it." in state.meanwhile
        assert state.meanwhile.endswith("Other keys do the work meanwhile.")
        provider_health.note_refusal(second, Refused(code=Code.INSUFFICIENT_BALANCE))
        assert status_of(first).state.meanwhile.endswith(
            "so the studio does not offer it meanwhile."
        )
        change(first, paused_until=timezone.now())
        assert status_of(first).state.meanwhile.endswith("the next request tests it.")

    def test_a_key_that_is_refused_one_engine_is_not_shown_as_blocked(self, accounts, page):
        first, second = accounts
        refusal = Refused(code=Code.NOT_FOUND, raw_code="404")
        provider_health.note_refusal(first, refusal, APIXO)
        key = status_of(first)
        [engine] = key.engines
        assert (key.state.title, engine.tone) == ("Partly blocked", "warn")
        assert engine.title.startswith("Since ")
        assert engine.title.endswith(": Seedream 4.5 is not available to this key.")
        assert "Other keys do the work meanwhile." in engine.meanwhile
        assert "Activate the model" in engine.to_do
        assert "Activate the model" in page()
        provider_health.note_refusal(second, refusal, APIXO)
        assert status_of(first).engines[0].tone == "bad"

    def test_an_ambiguous_refusal_says_so(self, account):
        provider_health.note_refusal(account, Refused(code=Code.FORBIDDEN, raw_code="403"), APIXO)
        key = status_of(account)
        assert key.state.title == "Working"
        assert "does not say whether it refused the key" in key.engines[0].meanwhile

    def test_polls_that_are_refused(self, account, page):
        ago = timezone.now() - timedelta(minutes=5)
        change(account, polls_refused_at=ago, polls_refused_told=True)
        assert "refused to report on accepted requests" in status_of(account).polls
        assert status_of(account).polls in page()

    def test_a_key_that_is_missing_here(self, accounts, settings):
        set_keys(settings, 1)
        key = status_of(accounts[1])
        assert key.state.title == "Key missing here"
        assert "APIXO_API_KEY_2" in key.to_do

    def test_a_provider_without_keys_appears_while_its_work_is_open(self, account, settings, alice):
        settings.PROVIDERS = {}
        assert keys() == []
        make_generation(make_run(alice, engine=APIXO), Status.RUNNING, account=account)
        assert status_of(account).state.title == "Key missing here"

    def test_nothing_is_set_up(self, settings, page):
        settings.DEMO, settings.PROVIDERS = False, {}
        assert "No provider is set up" in page()

    def test_trouble_comes_first(self, settings):
        settings.DEMO = False
        set_keys(settings, 5)
        rows = sorted(dispatch.accounts_here(), key=lambda account: account.slot)
        provider_health.note_refusal(rows[4], Refused(code=Code.AUTH))
        change(rows[3], paused_until=timezone.now() + timedelta(minutes=1))
        change(rows[2], paused_until=timezone.now())
        change(rows[1], balance=Decimal(1), balance_unit="credits", balance_at=timezone.now())
        assert [key.slot for key in keys()] == [5, 4, 3, 2, 1]


class TestFigures:
    def test_in_flight_sent_and_waiting(self, account, alice):
        run = make_run(alice, engine=APIXO)
        change(account, concurrency=5, per_minute=9, concurrency_at_provider=3)
        now = timezone.now()
        make_generation(run, Status.RUNNING, account=account, submitted_at=now)
        long_ago = now - timedelta(minutes=2)
        make_generation(run, Status.RUNNING, account=account, submitted_at=long_ago)
        make_generation(run, Status.QUEUED)
        key = status_of(account)
        assert (key.in_flight, key.most_at_once) == (2, 3)
        assert (key.sent, key.per_minute, key.waiting) == (1, 9, 1)

    def test_what_counts_against_the_limit_per_minute(self, account, alice, monkeypatch):
        """What was sent within the last 60 seconds, and each submit that is not over yet."""
        now = timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: now)
        change(account, concurrency=50, per_minute=60)
        run = make_run(alice, engine=APIXO)
        for status, seconds, counts in (
            (Status.SUCCEEDED, 59.9, 1),
            (Status.RUNNING, 60, 0),
            (Status.FAILED, 61, 0),
            (Status.SUBMITTING, None, 1),
            (Status.SUBMITTING, 600, 1),
            (Status.QUEUED, None, 0),
        ):
            before = status_of(account).sent
            sent_at = None if seconds is None else now - timedelta(seconds=seconds)
            make_generation(run, status, account=account, submitted_at=sent_at)
            assert status_of(account).sent - before == counts, (status, seconds)

    def test_the_share_of_errors_counts_what_the_provider_is_the_reason_of(self, account, alice):
        make_ended(alice, account)
        make_ended(alice, account)
        make_ended(alice, account, Status.FAILED, error_code=str(Code.PROVIDER_ERROR))
        make_ended(alice, account, Status.FAILED, error_code=str(Code.CONTENT_POLICY))
        make_ended(alice, account, Status.CANCELLED)
        long_ago = {"ago": timedelta(hours=25), "error_code": str(Code.TIMEOUT)}
        make_ended(alice, account, Status.FAILED, **long_ago)
        assert status_of(account).errors == "1 of 4 (25.0 %)"

    def test_the_median_and_the_last_success(self, accounts, alice):
        account, other = accounts
        for seconds in (10, 12, 500):
            make_ended(alice, account, seconds=seconds)
        key = status_of(account)
        assert key.median == "12.0 s"
        assert key.last_success != "none yet"
        assert (status_of(other).median, status_of(other).last_success) == ("", "none yet")

    def test_the_last_success_may_be_days_ago(self, account, alice):
        make_ended(alice, account, ago=timedelta(days=3))
        key = status_of(account)
        assert "," in key.last_success
        assert (key.median, key.errors) == ("", "none ended")

    def test_the_balance_with_its_time_and_low_mark(self, account):
        change(account, warn_below=Decimal(5))
        provider_health.note_balance(account, ProviderBalance(Decimal("1234.5"), "USD"))
        key = status_of(account)
        assert key.balance == "1,234.50 USD"
        assert key.balance_note.endswith("low below 5.00")
        assert (key.to_do, key.state.gravity) == ("", 5)

    def test_a_low_balance_is_to_be_topped_up(self, account):
        provider_health.note_balance(account, ProviderBalance(Decimal("0.01"), "USD"))
        assert "Top up" in status_of(account).to_do

    def test_unknown_outcomes_lead_to_their_list_in_the_admin(
        self, accounts, alice, admin, sign_in
    ):
        account, other = accounts
        run = make_run(alice, engine=APIXO)
        unknown = make_generation(run, Status.UNKNOWN, account=account)
        make_generation(run, Status.UNKNOWN, account=other)
        assert status_of(account).unknown == 1
        client = sign_in(admin)
        page = client.get(reverse("providers")).content.decode()
        query = f"?status__exact=unknown&amp;account__id__exact={account.pk}"
        assert query in page
        changes = reverse("admin:generations_generation_changelist")
        listed = client.get(changes + query.replace("&amp;", "&"))
        assert list(listed.context["cl"].queryset) == [unknown]

    def test_refused_webhook_calls(self, account, monkeypatch):
        monkeypatch.setattr(webhooks, "refused_lately", lambda _account: 3)
        key = status_of(account)
        assert key.webhooks_refused == 3
        assert "webhook" in key.to_do

    def test_limits_are_edited_in_the_admin(self, account, page):
        assert reverse("admin:generations_provideraccount_change", args=[account.pk]) in page()


def test_the_number_of_queries_is_the_same_for_two_keys_as_for_nine(
    settings, admin, alice, sign_in
):
    settings.DEMO = False
    client = sign_in(admin)
    figures = []
    for count in (2, 9):
        set_keys(settings, count)
        for account in dispatch.accounts_here():
            make_ended(alice, account)
            make_generation(make_run(alice, engine=APIXO), Status.UNKNOWN, account=account)
        figures.append(queries_of(lambda: client.get(reverse("providers"))))
    assert figures[0] == figures[1]
    assert Generation.objects.count() == 22


def test_what_a_key_did_last_is_a_range_of_its_index(accounts, alice):
    for account in accounts:
        row = make_ended(alice, account)
    rows.multiply(row, 5_000, {"task_id": "'task-' || i"})
    rows.analyse()
    plans = plans_with(keys, '"generations_generation" U0')
    assert len(plans) == 2  # when it last succeeded, and since when its speed is measured
    for plan in plans:
        assert "generation_succeeded" in plan
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan
    [measured] = plans_with(keys, '"ended_at" >= ')
    assert "SCAN generations_generation" not in measured
