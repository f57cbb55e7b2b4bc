"""Engines as admins offer them, and the list from which people choose."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.events import Event
from accounts.models import Record
from generations import offering, speeds, submission
from generations.forms import ComposeForm
from generations.forms import composer as composers
from generations.models import EngineSetting, Generation, ProviderAccount, Run, TeamDefault
from generations.providers.advice import Remedy
from generations.providers.capabilities import CustomSize
from generations.states import Status
from generations.submission import SubmissionRefused
from tests.generations.asking import APIXO, DEMO, ask
from tests.generations.factories import make_generation, make_run
from tests.generations.stub import STUB, set_up_stub
from tests.generations.test_forms import errors_of, sent, values
from tests.generations.test_remedies import failed
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def stub(monkeypatch, settings):
    return set_up_stub(monkeypatch, settings, custom_size=CustomSize(1024, 4096))


def switch_off(engine=DEMO):
    EngineSetting.objects.update_or_create(engine=engine, defaults={"is_on": False})


def listed(user, **given):
    """The list of engines by name, for a form with these values."""
    form = ComposeForm.fitting(values(**given), user=user)
    rows = composers.composer_of(form, balance=ledger.balance(user)).engines
    return {row.name: row for row in rows}


class TestOff:
    @pytest.fixture(autouse=True)
    def _engines(self, stub):
        """The demo engine is switched off in each test; another one is there."""

    def test_is_not_in_the_list(self, alice):
        switch_off()
        assert list(listed(alice)) == [STUB]

    def test_the_form_refuses_it_with_words(self, alice):
        switch_off()
        assert "switched this engine off" in errors_of(sent(alice))["engine"]

    def test_the_command_refuses_it_with_words(self, alice):
        switch_off()
        command = ("generate", "--user", alice.email, "--engine", DEMO, "--prompt", "a fox")
        with pytest.raises(CommandError, match="switched this engine off"):
            call_command(*command)

    def test_remedy_and_retry_refuse_it_with_words(self, alice):
        run = failed(alice, "timeout", num_images=1, resolution="4K")
        switch_off()
        with pytest.raises(SubmissionRefused, match="switched this engine off"):
            submission.remedy(run, Remedy.LOWER_RESOLUTION, actor=alice)
        with pytest.raises(SubmissionRefused, match="switched this engine off"):
            submission.try_again(run, actor=alice)
        assert Run.objects.count() == 1


class TestTeams:
    def test_an_engine_for_another_team_is_not_offered(self, alice, charlie, stub):
        row = EngineSetting.objects.create(engine=STUB)
        row.teams.add(charlie.team)
        assert STUB not in listed(alice)
        assert STUB in listed(charlie)
        assert "not offered to your team" in offering.why_not_offered(STUB, alice)
        row.teams.add(alice.team)
        assert STUB in listed(alice)


class TestRows:
    def test_every_engine_has_one_after_a_migration(self):
        names = set(EngineSetting.objects.values_list("engine", flat=True))
        assert {DEMO, APIXO, "fal/seedream-4-5"} <= names
        offering.add_rows()
        assert EngineSetting.objects.count() == len(names)

    def test_order_name_note_and_default_are_the_admins(self, alice, stub):
        EngineSetting.objects.create(engine=STUB, position=1, name="Fast one", note="For drafts.")
        EngineSetting.objects.filter(engine=DEMO).update(is_default=True, position=5)
        rows = listed(alice)
        assert list(rows) == [STUB, DEMO]
        assert (rows[STUB].label, rows[STUB].provider) == ("Fast one", "Stub & Co")
        assert rows[STUB].note == "For drafts."
        assert ComposeForm(user=alice)["engine"].value() == DEMO

    def test_changes_are_on_record_with_before_and_after(self, admin, sign_in):
        row = EngineSetting.objects.get(engine=DEMO)
        address = reverse("admin:generations_enginesetting_change", args=[row.pk])
        form = {"position": row.position, "name": "Play", "note": "", "teams": []}
        assert sign_in(admin).post(address, form).status_code == 302
        facts = Record.objects.get(event=Event.ADMIN_CHANGED).facts
        assert (facts["before"]["is_on"], facts["after"]["is_on"]) == (True, False)
        assert facts["after"]["name"] == "Play"

    def test_there_is_one_default(self, admin, sign_in):
        EngineSetting.objects.filter(engine=APIXO).update(is_default=True)
        row = EngineSetting.objects.get(engine=DEMO)
        address = reverse("admin:generations_enginesetting_change", args=[row.pk])
        form = {"position": row.position, "is_on": "on", "is_default": "on"}
        page = sign_in(admin).post(address, form).content.decode()
        assert "Another engine is the default" in page

    def test_a_team_default_must_be_possible(self, admin, team, sign_in):
        address = reverse("admin:generations_teamdefault_add")
        form = {"team": team.pk, "engine": DEMO, "resolution": "8K", "num_images": 99}
        page = sign_in(admin).post(address, form).content.decode()
        assert "This engine has 2K, 4K." in page
        assert not TeamDefault.objects.exists()


class TestList:
    def test_its_prices_are_those_of_the_button(self, alice, stub):
        for given in ({}, {"num_images": "1"}, {"resolution": "4K", "num_images": "3"}):
            for name, row in listed(alice, **given).items():
                form = ComposeForm.fitting(values(**given | {"engine": name}), user=alice)
                composer = composers.composer_of(form, balance=ledger.balance(alice))
                assert row.price == composer.price

    @pytest.mark.parametrize("resolution", ["2K", "4K"])
    @pytest.mark.parametrize("count", ["1", "4"])
    def test_what_the_button_shows_is_what_is_reserved(self, alice, stub, resolution, count):
        form = sent(alice, resolution=resolution, num_images=count, engine=DEMO)
        assert form.is_valid(), form.errors
        submission.submit(alice, form.to_request())
        assert ledger.balance(alice).reserved == form.draft.price

    def test_marks_the_cheapest_and_the_fastest_of_those_that_work(self, alice, stub, apixo_key):
        """The demo engine is cheaper than both, but no choice for work."""
        measured = {(STUB, "2K"): 9.0, (APIXO, "2K"): 8.0}
        cache.set("engine-speeds", measured)
        rows = listed(alice)
        assert [name for name, row in rows.items() if row.is_cheapest] == [STUB]
        assert [name for name, row in rows.items() if row.is_fastest] == [APIXO]

    def test_says_what_an_engine_takes_and_that_the_demo_understands_nothing(self, alice, stub):
        rows = listed(alice)
        assert rows[DEMO].takes == ("2K", "4K", "References", "Seed")
        assert rows[STUB].takes == ("2K", "4K", "Custom size")
        assert "does not understand the prompt" in rows[DEMO].note

    def test_says_that_an_engine_is_blocked_or_rests(self, alice, apixo_key):
        now = timezone.now()
        account = ProviderAccount.objects.create(
            provider="apixo",
            slot=1,
            concurrency=1,
            per_minute=1,
            paused_until=now + timedelta(minutes=10),
        )
        assert listed(alice)[APIXO].trouble.startswith("The provider rests until")
        account.blocked_code, account.blocked_at = "auth", now
        account.save()
        trouble = listed(alice)[APIXO].trouble
        assert (
            trouble == f"Blocked since {now:%H:%M}. The provider did not accept the studio's key."
        )

    def test_costs_as_many_queries_with_many_engines_runs_and_teams(
        self, alice, sign_in, monkeypatch, settings, apixo_key
    ):
        client = sign_in(alice)
        few = queries_of(lambda: client.get("/"))
        set_up_stub(monkeypatch, settings)
        row = EngineSetting.objects.create(engine=STUB)
        row.teams.add(alice.team)
        assert queries_of(lambda: client.get("/")) == few


class TestSpeeds:
    def test_is_the_median_of_those_that_ended_last(self, alice):
        run = make_run(alice)
        start = timezone.now() - timedelta(minutes=5)
        for seconds in (10, 20, 90):
            end = start + timedelta(seconds=seconds)
            times = {"submitted_at": start, "ended_at": end}
            make_generation(run, Status.SUCCEEDED, **times)
        assert speeds.measured() == {(DEMO, "2K"): 20}
        assert listed(alice, resolution="2K")[DEMO].speed == "usually 20 s"

    def test_too_few_are_no_measure(self, alice):
        ask(alice, num_images=1)
        Generation.objects.update(
            status="succeeded", submitted_at=timezone.now(), ended_at=timezone.now()
        )
        assert speeds.measured() == {}
        assert listed(alice)[DEMO].speed == "usually 4 s"
