"""`RecordedAdmin`, the base of every admin class, with a subclass that allows everything."""

from importlib import import_module

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.urls import include, path, reverse

from accounts.admin import RecordedAdmin, changes
from accounts.events import Event
from accounts.models import Record, Team
from tests.factories import make_team, make_user
from tests.records import said

pytestmark = pytest.mark.urls(__name__)


class WorkshopAdmin(RecordedAdmin):
    actions = ["double", "double_or_fail"]
    list_display = ["name", "quota"]
    list_editable = ["quota"]
    plain_text_fields = frozenset({"time_zone"})

    @admin.action
    def double(self, request, queryset):
        for team in queryset:
            team.quota = (team.quota or 0) * 2
            team.save()

    @admin.action
    def double_or_fail(self, request, queryset):
        self.double(request, queryset)
        raise RuntimeError("half-way")


class WithInline(WorkshopAdmin):
    class Members(admin.TabularInline):
        model = Team.members.rel.related_model
        fields = ["name"]
        extra = 0

    inlines = [Members]


workshop = admin.AdminSite(name="workshop")
workshop.register(Team, WorkshopAdmin)
with_inline = admin.AdminSite(name="with_inline")
with_inline.register(Team, WithInline)
urlpatterns = [
    path("workshop/", workshop.urls),
    path("with-inline/", with_inline.urls),
    path("", include(import_module(settings.ROOT_URLCONF).urlpatterns)),
]
FIELDS = {"name": "Aurora", "time_zone": "UTC", "member_quota": "", "quota": ""}


@pytest.fixture
def desk(sign_in, superuser):
    return sign_in(superuser)


def at(view, *args, site="workshop"):
    return reverse(f"{site}:accounts_team_{view}", args=args)


# What happens before the acts that are tested.
BEFORE = (Event.USER_SIGNED_IN, Event.ALLOWANCE_OPENED)


def records():
    return list(Record.objects.exclude(event__in=BEFORE).order_by("id"))


def run(desk, action, teams, **data):
    selected = {"action": action, "_selected_action": [team.pk for team in teams]}
    return desk.post(at("changelist"), selected | data)


def test_what_was_added_is_recorded_with_free_text_apart(desk, superuser):
    desk.post(at("add"), FIELDS | {"name": "Cumulus", "quota": 300})

    [record] = records()
    team = Team.objects.get(name="Cumulus")
    assert (record.event, record.actor) == (Event.ADMIN_ADDED, superuser)
    assert (record.subject_kind, record.subject_id) == ("team", team.uuid)
    assert record.facts["after"]["quota"] == 300
    assert record.facts["after"]["time_zone"] == "UTC"
    assert said(record) == {"after": {"name": "Cumulus"}}


def test_what_was_changed_is_recorded_as_it_was_and_as_it_is(desk, team):
    desk.post(at("change", team.pk), FIELDS | {"quota": 300, "time_zone": "Asia/Tokyo"})

    [record] = records()
    assert record.event == Event.ADMIN_CHANGED
    assert record.facts == {
        "before": {"quota": None, "time_zone": "UTC"},
        "after": {"quota": 300, "time_zone": "Asia/Tokyo"},
    }
    assert said(record) == {}


def test_a_form_that_is_refused_leaves_no_record(desk, team):
    desk.post(at("change", team.pk), FIELDS | {"time_zone": "Nowhere"})

    assert records() == []


def test_what_was_changed_in_the_list_is_recorded(desk, team):
    other = make_team(name="Borealis")
    data = {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 2, "_save": "Save"}
    data |= {"form-0-id": team.pk, "form-0-quota": 10}
    data |= {"form-1-id": other.pk, "form-1-quota": ""}

    desk.post(at("changelist"), data)

    [record] = records()
    assert record.subject_id == team.uuid
    assert record.facts == {"before": {"quota": None}, "after": {"quota": 10}}


def test_what_was_deleted_is_recorded_as_it_was(desk):
    team = make_team(name="Cumulus", quota=5)

    desk.post(at("delete", team.pk), {"post": "yes"})

    [record] = records()
    assert (record.event, record.subject_id) == (Event.ADMIN_DELETED, team.uuid)
    assert record.facts["before"]["quota"] == 5
    assert said(record) == {"before": {"name": "Cumulus"}}


def test_each_of_many_deleted_at_once_is_recorded(desk):
    teams = [make_team(), make_team()]

    run(desk, "delete_selected", teams, post="yes")

    assert {record.subject_id for record in records()} == {team.uuid for team in teams}
    assert {record.event for record in records()} == {Event.ADMIN_DELETED}


def test_a_bulk_action_is_recorded_for_each_row_it_changed(desk):
    changed, untouched = make_team(quota=4), make_team(quota=0)

    run(desk, "double", [changed, untouched])

    [record] = records()
    assert record.subject_id == changed.uuid
    assert record.facts == {"before": {"quota": 4}, "after": {"quota": 8}}


def test_a_bulk_action_that_fails_changes_and_records_nothing(desk):
    team = make_team(quota=4)
    desk.raise_request_exception = False

    run(desk, "double_or_fail", [team])

    team.refresh_from_db()
    assert team.quota == 4
    assert records() == []


def test_what_somebody_else_changed_meanwhile_stays_and_is_not_put_down_to_the_admin(
    desk, team, monkeypatch
):
    def save_form_slowly(self, request, form, change):
        Team.objects.update(member_quota=5)
        return form.save(commit=False)

    monkeypatch.setattr(WorkshopAdmin, "save_form", save_form_slowly)

    desk.post(at("change", team.pk), FIELDS | {"quota": 300})

    team.refresh_from_db()
    assert (team.member_quota, team.quota) == (5, 300)
    [record] = records()
    assert record.facts == {"before": {"quota": None}, "after": {"quota": 300}}


def test_without_a_record_there_is_no_change(desk, team, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the log cannot be written")

    monkeypatch.setattr("accounts.audit.record", fail)
    desk.raise_request_exception = False

    desk.post(at("change", team.pk), FIELDS | {"quota": 300})

    team.refresh_from_db()
    assert team.quota is None


def test_the_admins_own_history_goes_on(desk, team):
    desk.post(at("change", team.pk), FIELDS | {"quota": 300})

    [entry] = LogEntry.objects.all()
    assert entry.object_id == str(team.pk)
    assert desk.get(at("history", team.pk)).status_code == 200


def test_rows_of_an_inline_cannot_slip_in_unrecorded(desk, team):
    member = make_user(team=team)
    data = FIELDS | {
        "members-TOTAL_FORMS": 1,
        "members-INITIAL_FORMS": 1,
        "members-0-id": member.pk,
        "members-0-team": team.pk,
        "members-0-name": "Somebody Else",
    }

    with pytest.raises(NotImplementedError):
        desk.post(at("change", team.pk, site="with_inline"), data)

    member.refresh_from_db()
    assert member.name != "Somebody Else"


def test_only_fields_that_cannot_hold_text_are_facts(alice):
    assert changes.free_text(type(alice)) == {"email", "name", "password", "time_zone"}


def test_secrets_and_keys_are_in_no_snapshot(alice):
    found = changes.snapshot(alice)

    assert not {"id", "uuid", "password", "last_login"} & found.keys()
    assert found["team"] == str(alice.team.uuid)
    assert found["groups"] == ["members"]
