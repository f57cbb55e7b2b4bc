"""Erasing, holds and rules in the admin: what is shown, asked and said."""

import pytest
from django.urls import reverse

from accounts.groups import DATA_PROTECTION, LEGAL_COUNSEL
from accounts.models import Record
from generations import holds
from generations.models import Campaign, Erasure, LegalHold, RetentionRule
from tests.factories import make_user
from tests.generations.factories import make_finished_run, make_pending_run
from tests.queries import queries_of
from tests.records import said

pytestmark = pytest.mark.django_db
ADD = "admin:generations_erasure_add"
LIST = "admin:generations_erasure_changelist"
HOLDS = "admin:generations_legalhold_changelist"


@pytest.fixture
def officer(team):
    return make_user(
        name="Dana", email="dana@example.com", team=team, groups=[DATA_PROTECTION], is_staff=True
    )


@pytest.fixture
def desk(officer, client):
    client.force_login(officer)
    return client


@pytest.fixture
def counsel(team):
    return make_user(team=team, groups=[LEGAL_COUNSEL], is_staff=True)


def erase(desk, scope, what, **fields):
    given = {"scope": scope, "what": str(what), "reason": "asked for by letter"} | fields
    return desk.post(reverse(ADD), given)


def text(response):
    return " ".join(response.content.decode().split())


def test_it_shows_what_would_go_and_what_stays_and_orders_only_when_confirmed(desk, alice):
    run = make_finished_run(alice, images=2)
    page = text(erase(desk, "run", f"https://studio.example/log/{run.uuid}/", pictures="on"))
    assert "Run of Alice Adams" in page
    assert "Images: 2" in page
    assert "Back-ups made before now hold everything." in page
    assert "Exports of the log, downloads and mails that were handed out." in page
    assert run.prompt not in page
    assert not Erasure.objects.exists()

    response = erase(desk, "run", run.uuid, pictures="on", confirm="yes")

    assert (response.status_code, response.url) == (302, reverse(LIST))
    erasure = Erasure.objects.get()
    assert (erasure.subject, erasure.pictures) == (run.uuid, True)
    record = Record.objects.get(event="erasure:asked")
    assert record.actor.email == "dana@example.com"
    assert said(record) == {"reason": "asked for by letter"}
    assert "erasing" in text(desk.get(reverse(LIST)))


def test_from_the_list_of_people_one_at_a_time(superuser, client, alice, bob):
    client.force_login(superuser)
    people = reverse("admin:accounts_user_changelist")
    chosen = {"action": "erase", "_selected_action": [alice.pk]}
    form = client.post(people, chosen, follow=True)
    assert f'value="{alice.uuid}"' in text(form)
    both = client.post(people, chosen | {"_selected_action": [alice.pk, bob.pk]}, follow=True)
    assert "one person at a time" in text(both)


def test_what_forbids_it_is_said_and_nothing_is_ordered(desk, alice):
    pending = make_pending_run(alice)
    page = text(erase(desk, "run", pending.uuid))
    assert "Images may still arrive for it." in page
    assert 'name="confirm"' not in page
    assert "Images may still arrive" in text(erase(desk, "run", pending.uuid, confirm="yes"))
    assert "Deactivate the account first" in text(erase(desk, "person", alice.email))
    assert not Erasure.objects.exists()


@pytest.mark.parametrize(
    ("scope", "what", "said"),
    [
        ("person", "nobody@example.com", "Nothing of this kind"),
        ("run", "red fox", "Nothing of this kind"),
        ("run", "", "This field is required"),
        ("person", "dana@example.com", "erase yourself"),
        ("person", "root@example.com", "permissions that you don"),
    ],
)
def test_bad_input_is_said_beside_its_field(desk, superuser, scope, what, said):
    assert said in text(erase(desk, scope, what, confirm="yes"))
    assert not Erasure.objects.exists()


def test_a_hold_is_placed_and_lifted_with_a_reason_by_whoever_has_the_right(
    counsel, client, alice, officer
):
    campaign = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
    client.force_login(counsel)
    add = reverse("admin:generations_legalhold_add")
    fields = {"scope": "campaign", "what": "spring", "reason": "a dispute"}
    assert client.post(add, fields | {"what": "autumn"}).status_code == 200
    assert client.post(add, fields).status_code == 302
    hold = LegalHold.objects.get()
    assert (hold.subject, hold.placed_by) == (campaign.uuid, counsel)
    assert "Spring, Aurora" in text(client.get(reverse(HOLDS)))

    lift = {"action": "lift", "_selected_action": hold.pk}
    client.post(reverse(HOLDS), lift | {"apply": "yes", "reason": ""})
    assert holds.is_held("campaign", campaign.uuid)
    client.post(reverse(HOLDS), lift | {"apply": "yes", "reason": "settled"})
    assert not holds.is_held("campaign", campaign.uuid)
    assert client.get(reverse(ADD)).status_code == 403
    client.force_login(officer)
    assert client.get(add).status_code == 403


def test_the_list_of_holds_takes_as_many_queries_for_many_as_for_few(counsel, client, alice):
    client.force_login(counsel)
    holds.place("run", make_finished_run(alice), reason="a dispute", actor=counsel)
    few = queries_of(lambda: client.get(reverse(HOLDS)))
    for _ in range(3):
        holds.place("run", make_finished_run(alice), reason="a dispute", actor=counsel)
    assert queries_of(lambda: client.get(reverse(HOLDS))) == few


def test_stopped_erasures_go_on_when_somebody_says_so(desk):
    stopped = {"status": Erasure.Status.STOPPED, "trouble": "held"}
    row = Erasure.objects.create(
        scope="run", subject="5" * 32, next_try_at="2026-11-21T00:00Z", **stopped
    )
    assert "A legal hold forbids it." in text(desk.get(reverse(LIST)))
    desk.post(reverse(LIST), {"action": "resume", "_selected_action": row.pk})
    row.refresh_from_db()
    assert (row.status, row.trouble) == (Erasure.Status.EMPTYING, "")


def test_a_rule_says_what_it_would_erase(desk, alice):
    make_finished_run(alice)
    add = reverse("admin:generations_retentionrule_add")
    assert desk.post(add, {"kind": "prompts", "days": "3"}).status_code == 200
    assert desk.post(add, {"kind": "prompts", "days": "30"}).status_code == 302
    rules = reverse("admin:generations_retentionrule_changelist")
    assert "nothing" in text(desk.get(rules))
    holds.place("person", alice, reason="a dispute", actor=alice)
    assert "Legal holds in force: 1. What they cover stays." in text(desk.get(rules))
    campaign = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
    bad = desk.post(add, {"kind": "refused", "days": "30", "campaign": campaign.pk})
    assert "Only runs and their images belong to a campaign." in text(bad)
    assert RetentionRule.objects.get().is_active is False
