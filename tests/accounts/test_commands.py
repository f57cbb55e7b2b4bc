"""The commands of this app, and the nightly check of credits."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from accounts import ledger
from accounts.events import Event
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Entry, Record, Team, User
from tests.records import said

pytestmark = pytest.mark.django_db


def run(*command, **options):
    out = io.StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


def groups_of(email):
    groups = User.objects.get(email=email).groups
    return set(groups.values_list("name", flat=True))


class TestSetupDemo:
    @pytest.fixture(autouse=True)
    def _an_own_address(self, settings):
        settings.STUDIO_ADMIN_EMAIL = "boss@company.example"
        settings.STUDIO_ADMIN_PASSWORD = ""

    def test_a_new_studio_gets_a_team_an_admin_and_one_person_per_role(self):
        run("setup_demo")

        assert Team.objects.count() == 1
        assert groups_of("boss@company.example") == {ADMINS, MEMBERS, REVIEWERS}
        assert groups_of("marketer@studio.example") == {MEMBERS}
        assert groups_of("reviewer@studio.example") == {REVIEWERS}
        admin = User.objects.get(email="boss@company.example")
        assert (admin.is_staff, admin.is_superuser) == (True, True)

    def test_everyone_can_sign_in_as_printed(self, client):
        printed = [line.split() for line in run("setup_demo").splitlines() if "@" in line]

        assert len(printed) == 3
        for email, password, *_ in printed:
            data = {"login": email, "password": password}
            assert client.post(reverse("account_login"), data).status_code == 302
            client.post(reverse("account_logout"))

    def test_a_second_call_changes_and_prints_nothing(self):
        first = run("setup_demo")
        before = list(User.objects.order_by("pk").values())

        assert "passwords" in first
        assert run("setup_demo") == ""
        assert list(User.objects.order_by("pk").values()) == before

    def test_a_studio_with_an_admin_gets_no_second_one(self, admin):
        run("setup_demo")

        assert not User.objects.filter(email="boss@company.example").exists()

    def test_without_demo_there_is_only_the_admin(self, settings):
        settings.DEMO = False

        run("setup_demo")

        assert [user.email for user in User.objects.all()] == ["boss@company.example"]

    def test_a_chosen_password_is_taken_and_not_printed(self, settings, client):
        settings.STUDIO_ADMIN_PASSWORD = "chosen by the operator"

        printed = run("setup_demo")

        assert "chosen by the operator" not in printed
        data = {"login": "boss@company.example", "password": "chosen by the operator"}
        assert client.post(reverse("account_login"), data).status_code == 302

    def test_new_people_are_recorded(self):
        run("setup_demo")

        assert Record.objects.filter(event=Event.USER_INVITED, actor=None).count() == 3


class TestDjangosCommands:
    def test_a_new_superuser_is_recorded(self, monkeypatch):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long enough password")
        run("createsuperuser", email="Root@example.com", interactive=False)
        used = Record.objects.get(event=Event.SHELL_USED)
        root = User.objects.get(email="root@example.com")
        assert (used.facts, used.subject_id) == ({"command": "createsuperuser"}, root.uuid)

    def test_a_new_password_is_recorded(self, alice, monkeypatch):
        asked = "accounts.management.commands.changepassword.Command._get_pass"
        monkeypatch.setattr(asked, lambda *args, **kwargs: "a long enough password")
        run("changepassword", alice.email)
        alice.refresh_from_db()
        assert alice.check_password("a long enough password")
        used = Record.objects.get(event=Event.SHELL_USED)
        assert (used.facts, used.subject_id) == ({"command": "changepassword"}, alice.uuid)


class TestSetQuota:
    def test_sets_this_months_limit_and_prints_the_allowance(self, alice):
        ledger.top_up(alice, 5, actor=None, reason="")

        printed = json.loads(run("set_quota", "Alice@example.com", "40", reason="spring"))

        assert printed == {"limit": 40, "top_up": 5, "reserved": 0, "spent": 0, "left": 45}
        assert ledger.balance(alice).limit_total == 45
        record = Record.objects.get(event=Event.ALLOWANCE_LIMIT_SET)
        assert said(record) == {"reason": "spring"}
        used = Record.objects.get(event=Event.SHELL_USED)
        assert (used.facts, used.subject_id) == ({"command": "set_quota"}, alice.uuid)
        assert set(used.payload.data) == {"os_user", "host"}

    @pytest.mark.parametrize(
        ("email", "credits", "reason", "said"),
        [
            ("nobody@example.com", "40", "", "There is no person nobody@example.com."),
            ("alice@example.com", "many", "", "“many” is not a whole number of credits."),
            ("alice@example.com", "1.5", "", "“1.5” is not a whole number of credits."),
            ("alice@example.com", "-1", "", "from 0 to"),
            ("alice@example.com", "9" * 12, "", "from 0 to"),
            ("alice@example.com", "40", "x" * 201, "at most 200 characters"),
        ],
    )
    def test_bad_input_is_explained_and_changes_nothing(self, alice, email, credits, reason, said):
        ledger.allowance_of(alice)

        with pytest.raises(CommandError) as error:
            run("set_quota", email, credits, reason=reason)

        assert said in str(error.value)
        assert error.value.returncode == 2
        assert Entry.objects.count() == 1


def test_without_a_second_role_database_roles_says_what_to_do():
    message = "Only PostgreSQL" if connection.vendor == "sqlite" else "MIGRATE_DATABASE_URL=postgr"
    with pytest.raises(CommandError, match=message):
        run("database_roles")
