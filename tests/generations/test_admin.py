"""Prices, provider accounts and unknown outcomes in the Django admin."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.events import Event
from accounts.groups import ADMINS, MEMBERS
from accounts.models import Reading, Record
from generations import pricing
from generations.jobs import dispatch
from generations.models import Delivery, Generation, Price, ProviderAccount, RunReference
from generations.providers import registry
from generations.states import RunStatus, Status
from tests.factories import make_user
from tests.generations.asking import APIXO, DEMO, ask
from tests.generations.factories import make_reference
from tests.records import said

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(admin, client):
    client.force_login(admin)
    return client


@pytest.fixture
def unknown(alice, apixo_key):
    """A generation of two images, sent and never answered."""
    run = ask(alice, APIXO, 2)
    generation = dispatch.claim_next("worker")
    Generation.objects.filter(pk=generation.pk).update(
        status=Status.UNKNOWN, submitted_at=timezone.now(), claimed_by=""
    )
    type(run).objects.filter(pk=run.pk).update(open=0, unknown=2)
    generation.refresh_from_db()
    return generation


def decide(browser, generation, **fields):
    address = reverse("admin:generations_generation_change", args=[generation.pk])
    response = browser.post(address, {"task_id": "", "reason": "asked support"} | fields)
    generation.refresh_from_db()
    return response


class TestUnknownOutcomes:
    def test_released(self, browser, unknown, alice):
        decide(browser, unknown, decision="release")
        assert unknown.status == Status.FAILED
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total
        record = Record.objects.get(event=Event.GENERATION_DECIDED)
        assert record.facts["decision"] == "release"
        assert said(record) == {"reason": "asked support"}

    def test_charged(self, browser, unknown, alice):
        decide(browser, unknown, decision="accept_charge")
        assert ledger.balance(alice).spent == unknown.reserved_credits
        assert unknown.run.status == RunStatus.FAILED

    def test_found_at_the_provider(self, browser, unknown):
        decide(browser, unknown, decision="give_task_id", task_id="task_77")
        assert (unknown.status, unknown.task_id) == (Status.RUNNING, "task_77")

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"decision": "give_task_id"}, "Write the task id"),
            ({"decision": "release", "reason": ""}, "This field is required"),
            ({"decision": "forget it"}, "Select a valid choice"),
            ({}, "This field is required"),
        ],
    )
    def test_what_is_missing_is_said_and_nothing_changes(self, browser, unknown, fields, message):
        response = decide(browser, unknown, **fields)
        assert message in response.content.decode()
        assert unknown.status == Status.UNKNOWN

    def test_what_has_an_outcome_cannot_be_decided(self, browser, unknown):
        Generation.objects.filter(pk=unknown.pk).update(status=Status.FAILED)
        assert decide(browser, unknown, decision="release").status_code == 403

    def test_after_the_end_only_a_task_id_can_be_given(self, browser, unknown, alice):
        decide(browser, unknown, decision="release")
        address = reverse("admin:generations_generation_change", args=[unknown.pk])
        page = browser.get(address).content.decode()
        assert "give the id of that task before" in page
        assert 'value="release"' not in page
        decide(browser, unknown, decision="give_task_id", task_id="task_77")
        assert (unknown.status, unknown.task_id) == (Status.RUNNING, "task_77")
        assert ledger.balance(alice).reserved == 0

    def test_members_may_not_enter(self, client, alice, unknown):
        client.force_login(alice)
        assert decide(client, unknown, decision="release").status_code == 302
        assert unknown.status == Status.UNKNOWN

    def test_no_text_of_the_provider_is_shown_but_where_to_look(self, browser, unknown):
        Generation.objects.filter(pk=unknown.pk).update(error_message="echoed words")
        address = reverse("admin:generations_generation_change", args=[unknown.pk])
        page = browser.get(address).content.decode()
        assert "echoed words" not in page
        assert registry.full_label(registry.engine(unknown.run.engine)) in page
        assert 'href="https://apixo.ai/"' in page

    def test_who_may_read_the_run_sees_what_was_asked_on_the_record(
        self, browser, unknown, admin, alice
    ):
        row = RunReference.objects.create(
            run=unknown.run, reference=make_reference(alice), position=0
        )
        address = reverse("admin:generations_generation_change", args=[unknown.pk])
        page = browser.get(address).content.decode()
        assert unknown.run.prompt in page
        assert reverse("reference", args=[row.reference.uuid]) in page
        record = Record.objects.get(event=Event.RECORD_READ)
        assert (record.actor, record.story) == (admin, unknown.run.uuid)
        assert Reading.objects.filter(author=alice, reader=admin).exists()

    @pytest.mark.parametrize("kind", ["another team", "no member"])
    def test_others_decide_without_the_prompt(self, client, unknown, team, kind):
        values = {"team": team, "groups": [ADMINS]} if kind == "no member" else {}
        other = make_user(**{"groups": [ADMINS, MEMBERS]} | values)
        client.force_login(other)
        address = reverse("admin:generations_generation_change", args=[unknown.pk])
        assert unknown.run.prompt not in client.get(address).content.decode()
        assert not Record.objects.filter(event=Event.RECORD_READ).exists()

    def test_every_provider_but_the_demo_names_its_console(self):
        consoles = {name: registry.adapter_class(name).console for name in registry.ADAPTERS}
        assert consoles.pop("demo") == ""
        assert all(address.startswith("https://") for address in consoles.values())

    def test_missing_images_are_fetched_again(self, browser, unknown):
        missed = Delivery.objects.create(
            generation=unknown,
            index=0,
            status=Delivery.Status.FAILED,
            url="https://example.com/1.png",
            original_name="x/1/0",
        )
        browser.post(
            reverse("admin:generations_generation_changelist"),
            {"action": "fetch_again", "_selected_action": [unknown.pk]},
        )
        missed.refresh_from_db()
        assert missed.status == Delivery.Status.PENDING
        assert Record.objects.get(event=Event.IMAGE_FETCH_ASKED).facts["images"] == 1


class TestPrices:
    def test_a_new_price_is_in_force_and_on_the_record(self, browser, admin):
        fields = {"offer": f"{DEMO} 2K", "credits": 7, "cost_usd": "0.05"}
        now = timezone.now()
        moment = {"valid_from_0": f"{now:%Y-%m-%d}", "valid_from_1": f"{now:%H:%M:%S}"}
        Price.objects.update(valid_from="2026-01-01T00:00:00Z")
        browser.post(reverse("admin:generations_price_add"), fields | moment)
        assert pricing.price_in_force(DEMO, "2K").credits == 7
        record = Record.objects.get(event=Event.ADMIN_ADDED)
        assert record.actor == admin
        assert record.facts["after"]["credits"] == 7

    def test_a_tier_that_the_engine_lacks_is_refused(self, browser):
        fields = {"offer": f"{DEMO} 9K", "credits": 7, "cost_usd": "0.05"}
        response = browser.post(reverse("admin:generations_price_add"), fields)
        assert "Select a valid choice" in response.content.decode()
        assert not Price.objects.filter(tier="9K").exists()

    def test_the_tiers_of_each_engine_are_offered_with_their_price(self, browser):
        page = browser.get(reverse("admin:generations_price_add")).content.decode()
        assert f'<option value="{DEMO} 2K">2K (now 2 credits)</option>' in page

    def test_two_prices_of_one_moment_are_refused_beside_the_field(self, browser):
        moment = {"valid_from_0": "2030-01-01", "valid_from_1": "00:00:00"}
        fields = {"offer": f"{DEMO} 2K", "credits": 7, "cost_usd": "0.05"} | moment
        browser.post(reverse("admin:generations_price_add"), fields)
        response = browser.post(reverse("admin:generations_price_add"), fields)
        assert "from this moment already" in response.content.decode()

    def test_a_price_is_never_changed(self, browser):
        price = Price.objects.get(engine=DEMO, tier="2K")
        address = reverse("admin:generations_price_change", args=[price.pk])
        assert browser.post(address, {"credits": 1}).status_code == 403


class TestProviderAccounts:
    def test_an_admin_may_set_limits(self, browser):
        [account] = dispatch.accounts_here()
        address = reverse("admin:generations_provideraccount_change", args=[account.pk])
        limits = {"concurrency": 3, "per_minute": 9}
        empty = {"paused_until_0": "", "paused_until_1": ""}
        browser.post(address, limits | empty)
        account = ProviderAccount.objects.get(pk=account.pk)
        assert (account.concurrency, account.per_minute) == (3, 9)
        assert Record.objects.get(event=Event.ADMIN_CHANGED).facts["after"] == limits
