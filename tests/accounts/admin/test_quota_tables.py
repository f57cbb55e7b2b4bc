"""Quotas as a table: the download, the dry run, and the import that follows it."""

import csv
import io
import re
from http import HTTPStatus

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts import ledger
from accounts.admin import quota_import, quota_table
from accounts.admin.quota_table import lines_of, text_of
from accounts.csv_files import InvalidTable
from accounts.events import Event
from accounts.groups import ADMINS
from accounts.models import Allowance, Entry, Record, TopUp, User
from tests.factories import make_user
from tests.queries import queries_of

ADDRESS = "admin:accounts_user_quotas"


@pytest.fixture
def desk(sign_in, admin):
    return sign_in(admin)


def send(desk, text):
    data = text if isinstance(text, bytes) else text.encode()
    return desk.post(reverse(ADDRESS), {"file": SimpleUploadedFile("quotas.csv", data)})


def confirm(desk, page):
    data = {"table": page.context["table"], "state": page.context["plan"].state}
    return desk.post(reverse(ADDRESS), data, follow=True)


def texts(page):
    return [(change.number, change.text) for change in page.context["plan"].changes]


def quota_of(person):
    return User.objects.get(pk=person.pk).quota


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            "email,quota\na@x.org,5\n",
            "\ufeffemail;quota\r\na@x.org;5\r\n",
            '"Email"\t"QUOTA"\n"a@x.org"\t" 5 "',
            "quota,email,name\n5,a@x.org,\n\n",
        ],
    )
    def test_commas_semicolons_tabs_quotes_byte_order_mark_and_line_ends(self, text):
        [line] = lines_of(text_of(text.encode()))
        assert (line.number, line.email, line.quota) == (2, "a@x.org", "5")

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "must name the columns"),
            (b"email\nx", "must name the columns"),
            (b"email,quota\n", "no line below"),
            (b"email,quota,qouta\nx,1,2", "Unknown columns: qouta"),
            (b"email,quota,quota\nx,1,2", "names a column twice"),
            (b'email,quota\n"x,1', "Line 2: a quotation mark"),
            ("email,quota\nä,1".encode("latin-1"), "UTF-8"),
            ("email,quota\nä,1".encode("utf-16"), "UTF-8"),
            (b"email,quota\n" + b"a@x.org,1\n" * 5_001, "more than 5000 people"),
            (b"email,quota\n" + b"a@x.org,1234567890123\n" * 50_000, "larger than 1000 kB"),
        ],
    )
    def test_a_file_that_is_no_such_table_is_refused(self, data, message):
        with pytest.raises(InvalidTable, match=message):
            lines_of(text_of(data))

    def test_lines_are_numbered_as_in_the_file(self):
        lines = lines_of('email,quota,reason\n"a@x.org",1,"two\nlines"\n\nb@x.org,2\n')
        assert [(line.number, bool(line.problem)) for line in lines] == [(2, False), (5, True)]


@pytest.mark.django_db
class TestDryRun:
    def test_it_says_what_each_line_changes_and_changes_nothing(self, desk, alice, bob, charlie):
        User.objects.filter(pk=alice.pk).update(quota=400)
        page = send(
            desk,
            "email,quota,top_up,reason\n"
            "ALICE@example.com,600,,\n"
            f"{bob.email},,50,fair\n"
            f"{charlie.email},default,,\n",
        )
        assert texts(page) == [(2, "400 → 600."), (3, "+50 this month."), (4, "No change.")]
        assert quota_of(alice) == 400
        assert not Entry.objects.exists()

    @pytest.mark.parametrize(
        ("cells", "problem"),
        [
            ("nobody@example.com,5,,,", "no person with this address"),
            ("alice@example.com,-5,,,", "whole number of credits from 0"),
            ("alice@example.com,1.5,,,", "whole number"),
            ("alice@example.com,1.000,,,", "whole number"),
            ("alice@example.com,=1+1,,,", "whole number"),
            ("alice@example.com,999999999999,,,", "whole number"),
            ("alice@example.com,٥,,,", "whole number"),
            ("alice@example.com,,0,,", "from 1 to"),
            ("alice@example.com,,5,30.11.2026,", "Write the last day as"),
            ("alice@example.com,,5,2026-02-31,", "Write the last day as"),
            ("alice@example.com,,5,2020-01-01,", "today or later"),
            ("alice@example.com,,5,2999-01-01,", "at the latest"),
            (f"alice@example.com,5,,,{'x' * 201}", "at most 200 characters"),
            ("alice@example.com,5", "It has 2 cells"),
        ],
    )
    def test_a_wrong_line_is_named_and_stops_all(self, desk, alice, bob, cells, problem):
        heading = "email,quota,top_up,ends_on,reason"
        page = send(desk, f"{heading}\n{bob.email},5,,,\n{cells}\n")
        assert texts(page)[1][0] == 3
        assert problem in texts(page)[1][1]
        assert 'value="Import"' not in page.content.decode()
        confirm(desk, page)
        assert quota_of(bob) is None

    def test_a_person_twice_is_named(self, desk, alice):
        page = send(desk, f"email,quota\n{alice.email},5\n{alice.email},6")
        assert "stands in line 2 already" in texts(page)[1][1]

    def test_superusers_are_not_reached(self, desk, superuser):
        page = send(desk, f"email,quota\n{superuser.email},5")
        assert page.context["plan"].problems

    def test_a_quota_that_is_used_up_already_is_said(self, desk, alice):
        ledger.allowance_of(alice)
        Allowance.objects.update(spent=120)
        [(_line, text)] = texts(send(desk, f"email,quota\n{alice.email},100"))
        assert "already used 120 of 100: no new runs until 1 " in text

    def test_more_lines_need_no_more_queries(self, desk, team, alice):
        people = [make_user(team=team) for _ in range(20)]

        def look(rows):
            lines = "\n".join(f"{person.email},5" for person in rows)
            assert not send(desk, f"email,quota\n{lines}").context["plan"].problems

        few = queries_of(lambda: look(people[:2]))
        assert queries_of(lambda: look(people)) == few

    def test_no_file_is_said(self, desk):
        page = desk.post(reverse(ADDRESS))
        assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "Choose a file first." in page.content.decode()


@pytest.mark.django_db
class TestImport:
    def test_all_lines_take_effect_on_record(self, desk, admin, alice, bob):
        ledger.allowance_of(alice)
        page = send(
            desk, f"email;quota;top_up;reason\n{alice.email};600;25;=spring\n{bob.email};7;;"
        )

        done = confirm(desk, page)

        assert done.redirect_chain[-1][0] == reverse("admin:accounts_user_changelist")
        assert (quota_of(alice), quota_of(bob)) == (600, 7)
        assert ledger.balance(User.objects.get(pk=alice.pk)).limit_total == 625
        changed = Record.objects.filter(event=Event.USER_CHANGED, actor=admin)
        assert {record.subject_id for record in changed} == {alice.uuid, bob.uuid}
        imported = Record.objects.get(event=Event.QUOTAS_IMPORTED)
        assert imported.facts == {"quotas": 2, "top_ups": 1}
        assert ledger.reconcile() == []

    def test_nothing_is_imported_if_something_changed_since(self, desk, alice, bob):
        page = send(desk, f"email,quota\n{alice.email},600\n{bob.email},7")
        User.objects.filter(pk=alice.pk).update(quota=5)

        again = confirm(desk, page)

        assert (quota_of(alice), quota_of(bob)) == (5, None)
        assert "Nothing was imported" in again.content.decode()
        assert texts(again)[0] == (2, "5 → 600.")
        confirm(desk, again)
        assert quota_of(alice) == 600

    def test_a_double_press_tops_up_once(self, desk, alice):
        page = send(desk, f"email,top_up\n{alice.email},25")
        confirm(desk, page)
        confirm(desk, page)
        assert [top_up.credits for top_up in TopUp.objects.all()] == [25]

    def test_top_ups_need_their_right(self, desk, alice):
        granted = Group.objects.get(name=ADMINS).permissions
        granted.remove(granted.get(codename="change_allowance"))
        page = send(desk, f"email,top_up\n{alice.email},25")
        assert "may not top up" in texts(page)[0][1]


@pytest.mark.django_db
class TestExport:
    def rows(self, desk):
        response = desk.get(reverse("admin:accounts_user_quotas_csv"))
        text = response.getvalue().decode("utf-8-sig")
        return {row["email"]: row for row in csv.DictReader(io.StringIO(text))}

    def test_it_holds_quotas_usage_and_origin(self, desk, alice):
        User.objects.filter(pk=alice.pk).update(quota=40)
        ledger.top_up(User.objects.get(pk=alice.pk), 10, actor=None, reason="")
        Allowance.objects.filter(user=alice).update(spent=5)
        row = self.rows(desk)[alice.email]
        assert tuple(row) == quota_table.HEADINGS
        names = ("quota", "limit", "topped_up", "used", "left")
        assert [row[name] for name in names] == ["40", "40", "10", "5", "45"]
        assert re.match(r"own quota, \+10 until \d+ \w+", row["origin"])
        assert Record.objects.get(event=Event.QUOTAS_EXPORTED).facts["people"] >= 1

    def test_it_comes_in_again_without_a_change(self, desk, alice, bob):
        make_user(name="=1+1", email="+plus@example.com", team=alice.team)
        ledger.top_up(alice, 10, actor=None, reason="")
        data = desk.get(reverse("admin:accounts_user_quotas_csv")).getvalue()
        assert b'"=1+1"' not in data
        page = send(desk, data)
        assert page.context["plan"].problems == []
        assert page.context["plan"].unchanged == len(page.context["plan"].changes)


@pytest.mark.django_db
def test_more_changes_than_one_transaction_should_hold_are_refused(desk, alice, bob, monkeypatch):
    monkeypatch.setattr(quota_import, "MOST_CHANGES", 1)
    page = send(desk, f"email,quota\n{alice.email},5\n{bob.email},6")
    assert "more than 1 people" in page.content.decode()
    confirm(desk, page)
    assert quota_of(alice) is None
    few = send(desk, f"email,quota\n{alice.email},5\n{bob.email},")
    confirm(desk, few)
    assert quota_of(alice) == 5
