"""The proof of the credits: what it finds, and how a correction puts that right."""

import io
import json
import uuid

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts import append_only, ledger, notices
from accounts.events import Event
from accounts.models import Allowance, Entry, Notice, Record
from generations import budgets, proof, usage
from generations.jobs import lifecycle
from generations.jobs.execution import late
from generations.models import (
    Budget,
    BudgetMonth,
    Finding,
    Generation,
    Price,
    Proof,
    UsageDay,
)
from generations.proof import proving
from generations.states import Status
from generations.usage import rebuilding
from tests.factories import make_team, make_user
from tests.generations.factories import make_generation, make_run
from tests.queries import queries_of

pytestmark = pytest.mark.django_db
Kind = Entry.Kind
What = Finding.What


@pytest.fixture
def generation(alice):
    return asked(alice)


def asked(user, images=4):
    """A request for several images whose credits are reserved."""
    run = make_run(user, wanted=images, open=images)
    generation = make_generation(run, wanted=images, day=usage.day_of(user.team))
    ledger.reserve(user, {generation.uuid: generation.reserved_credits}, price=uuid.uuid4())
    return generation


def go(generation, *statuses, **more):
    """Move a generation through `statuses`, as workers do."""
    for status in statuses:
        sent = {"claimed_by": "w", "submit_token": uuid.uuid4(), "task_id": "t"}
        changes = sent if status in (Status.SUBMITTING, Status.RUNNING) else {}
        assert lifecycle.move(generation, status, changes=changes, **more)


def deliver(generation, images=1):
    Generation.objects.filter(pk=generation.pk).update(delivered=F("delivered") + images)
    generation.refresh_from_db()


def end(generation, status=Status.SUCCEEDED, images=0):
    go(generation, Status.SUBMITTING, Status.STORING)
    deliver(generation, images)
    go(generation, status)


def found():
    """What a new proof finds."""
    done = proof.prove()
    rows = Finding.objects.filter(ended_at__isnull=True)
    assert done.findings == rows.count()
    return [row.what for row in rows]


def correct(actor=None, reason="seen in the log"):
    [finding] = Finding.objects.filter(ended_at__isnull=True)
    proof.correct(finding, actor=actor, reason=reason)


def without_entries(generation, *kinds):
    """Damage: delete entries, as only somebody with the database's own rights can."""
    with append_only.lifted(connection):
        Entry.objects.filter(generation=generation.uuid, kind__in=kinds).delete()


class TestWhatIsRight:
    def test_each_end_of_a_request(self, alice):
        for status, images in (
            (Status.SUCCEEDED, 4),
            (Status.SUCCEEDED, 2),
            (Status.FAILED, 0),
            (Status.FAILED, 1),
        ):
            end(asked(alice), status, images)
        last = asked(alice)
        go(last, Status.CANCELLED)
        assert found() == []
        assert ledger.allowance_of(alice).spent == 7 * last.price.credits

    def test_images_that_come_after_the_end_cost_nothing(self, generation):
        end(generation, images=1)
        deliver(generation, 2)  # fetched again
        assert found() == []

    def test_images_that_come_late_cost_nothing(self, generation):
        go(generation, Status.SUBMITTING, Status.RUNNING, Status.UNKNOWN)
        late.give_up(generation, decision="release", charge=0)
        assert found() == []
        go(generation, Status.STORING)
        assert found() == []
        deliver(generation, 4)
        go(generation, Status.SUCCEEDED)
        assert found() == []

    def test_a_charge_that_an_admin_accepted(self, generation, admin):
        go(generation, Status.SUBMITTING, Status.RUNNING, Status.UNKNOWN)
        charge = generation.reserved_credits
        late.give_up(generation, decision="accept_charge", charge=charge, actor=admin)
        assert found() == []
        go(generation, Status.STORING)
        deliver(generation, 1)
        go(generation, Status.SUCCEEDED)
        assert found() == []

    def test_a_team_with_a_cap_pays_too(self):
        user = make_user(team=make_team(quota=100))
        end(asked(user), images=3)
        assert found() == []
        assert Proof.objects.first().allowances == 2


class TestWhatIsFound:
    def test_a_column_that_differs(self, alice, admin):
        ledger.allowance_of(alice)
        Allowance.objects.update(spent=7)
        assert found() == [What.DRIFT]
        record = Record.objects.get(event=Event.LEDGER_DRIFTED)
        assert (record.subject_id, record.facts["columns"]["spent"]) == (alice.uuid, 7)
        correct(admin)
        assert found() == []
        assert ledger.allowance_of(alice).spent == 0
        entry = Entry.objects.get(kind=Kind.CORRECTION)
        assert (entry.amount, entry.actor, entry.reason) == (7, admin, "seen in the log")
        record = Record.objects.get(event=Event.LEDGER_CORRECTED)
        assert record.facts["entries"] == [entry.digest]

    def test_an_ended_request_whose_credits_are_still_reserved(self, alice, generation):
        end(generation, images=3)
        Allowance.objects.update(reserved=generation.reserved_credits, spent=0)
        without_entries(generation, Kind.SETTLE, Kind.RELEASE)
        UsageDay.objects.update(spent=0, released=0)
        assert found() == [What.NO_END]
        correct()
        assert found() == []
        kinds = Entry.objects.filter(generation=generation.uuid).values_list("kind", flat=True)
        assert set(kinds) == {Kind.RESERVE, Kind.SETTLE, Kind.RELEASE}
        assert ledger.allowance_of(alice).spent == 3 * generation.price.credits
        UsageDay.objects.update(images=0)  # no image has a row here
        assert rebuilding.differences(usage.day_of(alice.team)) == 0

    def test_a_request_under_way_without_a_reservation(self, generation):
        Allowance.objects.update(reserved=0)
        without_entries(generation, Kind.RESERVE)
        assert found() == [What.NO_RESERVATION]
        with pytest.raises(proof.CorrectionRefused):
            correct()
        go(generation, Status.CANCELLED)
        assert found() == []

    def test_credits_that_were_resolved_too_early(self, generation):
        ledger.settle(generation.uuid, 0)
        assert found() == [What.EARLY_END]

    def test_an_end_that_is_not_all_that_was_reserved(self, generation):
        end(generation, images=3)
        released = generation.price.credits
        Allowance.objects.update(reserved=released)
        without_entries(generation, Kind.RELEASE)
        assert found() == [What.UNEQUAL]

    def test_more_spent_than_arrived(self, alice, generation, admin):
        go(generation, Status.SUBMITTING, Status.STORING)
        deliver(generation, 1)
        go(generation, Status.SUCCEEDED, charge=generation.reserved_credits)
        assert found() == [What.OVERCHARGED]
        correct(admin)
        assert found() == []
        assert ledger.allowance_of(alice).spent == generation.price.credits

    def test_less_spent_than_arrived(self, alice, generation, admin):
        go(generation, Status.SUBMITTING, Status.STORING)
        deliver(generation, 4)
        go(generation, Status.SUCCEEDED, charge=0)
        assert found() == [What.UNDERCHARGED]
        correct(admin)
        assert found() == []
        assert ledger.allowance_of(alice).spent == 0
        assert Entry.objects.get(kind=Kind.CORRECTION).generation == generation.uuid

    @pytest.mark.parametrize("spent", [None, 2])
    def test_entries_of_a_request_that_does_not_exist(self, alice, spent):
        lost = uuid.uuid4()
        ledger.reserve(alice, {lost: 3}, price=uuid.uuid4())
        if spent:
            ledger.settle(lost, spent)
        assert found() == [What.NO_GENERATION]
        correct()
        assert found() == []
        allowance = ledger.allowance_of(alice)
        assert (allowance.reserved, allowance.spent) == (0, 0)

    def test_once_however_often_it_is_seen(self, alice):
        ledger.allowance_of(alice)
        Allowance.objects.update(spent=7)
        for _ in range(2):
            assert found() == [What.DRIFT]
        assert Record.objects.filter(event=Event.LEDGER_DRIFTED).count() == 1
        Allowance.objects.update(spent=0)
        assert found() == []
        assert Finding.objects.get().ended_at is not None

    def test_a_correction_needs_a_reason_and_is_made_once(self, alice):
        ledger.allowance_of(alice)
        Allowance.objects.update(spent=7)
        assert found() == [What.DRIFT]
        finding = Finding.objects.get()
        for reason in ("", " "):
            with pytest.raises(proof.CorrectionRefused):
                proof.correct(finding, actor=None, reason=reason)
        proof.correct(finding, actor=None, reason="x")
        with pytest.raises(proof.CorrectionRefused):
            proof.correct(finding, actor=None, reason="x")
        assert Entry.objects.filter(kind=Kind.CORRECTION).count() == 1


class TestStepByStep:
    def test_it_goes_on_where_the_last_step_ended(self, alice, generation):
        steps = 0
        while steps < 10 and not Proof.objects.filter(ended_at__isnull=False):
            proving.advance(seconds=0)
            steps += 1
        assert steps > 3
        done = Proof.objects.get()
        assert (done.allowances, done.generations, done.findings) == (1, 1, 0)
        proving.advance(seconds=0)  # again tomorrow
        assert Proof.objects.count() == 1

    def test_a_new_one_begins_the_next_night(self, alice):
        proof.prove()
        Proof.objects.update(began_at=timezone.now() - proving.AGAIN)
        proving.advance()
        assert Proof.objects.filter(ended_at__isnull=False).count() == 2

    def test_old_ones_are_forgotten(self, monkeypatch):
        monkeypatch.setattr(proving, "KEPT", 2)
        for _ in range(4):
            newest = proof.prove()
        assert Proof.objects.count() == 2
        assert proof.last() == newest

    def test_the_queries_of_a_chunk_do_not_grow_with_its_rows(self, alice):
        counts = []
        for _ in range(2):
            for _ in range(4):
                asked(alice)
            counts.append(queries_of(proof.prove))
        assert counts[0] == counts[1]


class TestCommands:
    def run(self, *arguments, **options):
        out = io.StringIO()
        try:
            call_command(*arguments, stdout=out, **options)
        except CommandError as error:
            return out.getvalue() + str(error), error.returncode
        return out.getvalue(), 0

    def test_credits_that_add_up(self, generation):
        said, code = self.run("reconcile_credits")
        assert (code, "equals" in said, "1 requests" in said) == (0, True, True)
        said, code = self.run("reconcile_credits", "--json")
        figures = json.loads(said)
        assert (code, figures["ok"], figures["findings"]) == (0, True, [])
        assert (figures["generations"], figures["allowances"]) == (1, 1)

    def test_a_difference_is_named_and_corrected(self, alice):
        ledger.allowance_of(alice)
        Allowance.objects.update(spent=7)
        said, code = self.run("reconcile_credits", "--json")
        [finding] = json.loads(said.partition("\n")[0])["findings"]
        assert (code, finding["what"], finding["can_be_corrected"]) == (1, "drift", True)
        assert "spent 7" in self.run("reconcile_credits")[0]
        assert finding["uuid"] in self.run("correct_credits")[0]
        assert self.run("correct_credits", finding["uuid"])[1] == 2
        assert self.run("correct_credits", str(uuid.uuid4()), reason="x")[1] == 2
        assert self.run("correct_credits", finding["uuid"], reason="x" * 201)[1] == 2
        assert self.run("correct_credits", finding["uuid"], reason="restored")[1] == 0
        assert self.run("reconcile_credits")[1] == 0


class TestPage:
    def test_it_says_when_and_how_much_and_what_to_do(self, alice, admin, client):
        client.force_login(admin)
        address = reverse("credits-proof")
        assert "not been proved yet" in client.get(address).text
        ledger.allowance_of(alice)
        proof.prove()
        assert "All credits add up" in client.get(address).text
        Allowance.objects.filter(user=alice).update(spent=7)
        proof.prove()
        text = client.get(address).text
        assert "do not add up" in text
        assert "spent 7, entries 0" in text
        finding = Finding.objects.get(allowance__user=alice)
        correction = reverse("credits-proof-correct", args=[finding.uuid])
        client.post(correction, {"reason": ""})
        assert not Entry.objects.filter(kind=Kind.CORRECTION)
        client.post(correction, {"reason": "restored"})
        assert Entry.objects.get(kind=Kind.CORRECTION).actor == admin

    def test_its_queries_do_not_grow_with_the_findings(self, admin, client):
        client.force_login(admin)
        counts = []
        for _ in range(2):
            for _ in range(3):
                ledger.reserve(make_user(), {uuid.uuid4(): 1}, price=uuid.uuid4())
                ledger.allowance_of(make_user())
            Allowance.objects.update(spent=1)
            proof.prove()
            counts.append(queries_of(lambda: client.get(reverse("credits-proof"))))
        assert counts[0] == counts[1]


def test_admins_are_told_until_nothing_differs(alice, admin):
    allowance = ledger.allowance_of(alice)
    Allowance.objects.filter(pk=allowance.pk).update(spent=9)
    proof.prove()
    proof.prove()
    [shown] = notices.notices_for(admin)
    assert "something that does not add up" in shown.title
    assert shown.notice.ended_at is None
    Allowance.objects.filter(pk=allowance.pk).update(spent=0)
    proof.prove()
    assert Notice.objects.get().ended_at is not None


def test_a_month_of_a_budget_is_compared_with_its_generations(alice):
    budget = Budget.objects.create(team=alice.team, usd=100)
    budgets.follow(budget)
    assert proof.prove().findings == 0
    BudgetMonth.objects.update(reserved=7)
    assert proof.prove().findings == 1
    found = Finding.objects.get()
    assert (found.what, found.credits["columns"]["reserved"]) == (What.BUDGET, 7)


def test_references_are_in_the_price_of_an_image(alice):
    run = make_run(alice, wanted=1, open=1)
    generation = make_generation(run, references=5, day=usage.day_of(alice.team))
    Price.objects.filter(pk=generation.price_id).update(credits_per_reference=2)
    generation.price.refresh_from_db()
    reserved = generation.reserved_credits
    assert reserved == generation.price.credits + 10
    ledger.reserve(alice, {generation.uuid: reserved}, price=uuid.uuid4())
    end(generation, images=1)
    assert proof.prove().findings == 0
