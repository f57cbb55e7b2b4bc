"""Inviting, changing and deactivating people, and the list with their credits."""

from http import HTTPStatus

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core import mail
from django.core.cache import cache
from django.urls import reverse

from accounts import audit, ledger, sessions
from accounts.events import Event
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Allowance, Record, User
from tests.accounts.admin.pages import change, change_list, run_action, url
from tests.factories import make_team, make_user
from tests.records import said, write


@pytest.fixture
def desk(sign_in, admin):
    """The admin's browser."""
    return sign_in(admin)


def group(name):
    return Group.objects.get(name=name)


# What happens before the acts that are tested.
BEFORE = (Event.USER_SIGNED_IN, Event.ALLOWANCE_OPENED)


def records():
    """The records except sign-ins, newest first."""
    return list(Record.objects.exclude(event__in=BEFORE).order_by("-id"))


def is_signed_in(client):
    return client.get(reverse("account")).status_code == HTTPStatus.OK


def invite(desk, team, **values):
    data = {"email": "nova@example.com", "name": "Nova", "team": team.pk} | values
    data.setdefault("groups", [group(MEMBERS).pk])
    return desk.post(url(User, "add"), data, follow=True)


class TestInviting:
    @pytest.mark.django_db(transaction=True)
    def test_the_new_person_gets_a_mail_and_the_admin_sees_the_same_link(self, desk, team):
        response = invite(desk, team)

        [message] = mail.outbox
        assert message.to == ["nova@example.com"]
        shown = " ".join(str(message) for message in response.context["messages"])
        link = next(word for word in shown.split() if word.startswith("http"))
        assert link in message.body
        assert desk.get(link, follow=True).context["form"].user.email == "nova@example.com"

    @pytest.mark.django_db(transaction=True)
    def test_without_mail_the_link_is_shown_alone(self, desk, team, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

        response = invite(desk, team)

        shown = " ".join(str(message) for message in response.context["messages"])
        assert "Mailed" not in shown
        assert "http://testserver:8000/account/password/reset/key/" in shown

    @pytest.mark.django_db(transaction=True)
    def test_a_mail_that_fails_leaves_the_person_and_says_so(self, desk, team, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # No server listens there.

        response = invite(desk, team)

        shown = " ".join(str(message) for message in response.context["messages"])
        assert "could not be sent" in shown
        assert "http://testserver:8000/account/password/reset/key/" in shown
        assert User.objects.filter(email="nova@example.com").exists()

    def test_the_invitation_is_the_one_record_of_it(self, desk, team, admin):
        invite(desk, team)

        [record] = records()
        person = User.objects.get(email="nova@example.com")
        assert (record.event, record.actor) == (Event.USER_INVITED, admin)
        assert record.subject_id == person.uuid
        assert {group.name for group in person.groups.all()} == {MEMBERS}

    def test_an_invited_admin_is_staff(self, desk, team):
        invite(desk, team, groups=[group(ADMINS).pk, group(MEMBERS).pk])

        assert User.objects.get(email="nova@example.com").is_staff

    @pytest.mark.parametrize("email", ["alice@example.com", "ALICE@example.com", "no address", ""])
    def test_an_address_that_will_not_do_is_refused_beside_its_field(
        self, desk, team, alice, email
    ):
        response = invite(desk, team, email=email)

        assert response.context["adminform"].form.errors["email"]
        assert User.objects.count() == 2
        assert records() == []


class TestChanging:
    def test_reviewers_of_both_teams_see_a_move_and_keep_what_they_saw(self, desk, alice, reviewer):
        there = make_user(groups=[REVIEWERS])
        before = write(Event.USER_SIGNED_IN, actor=alice, subject=alice)
        change(desk, alice, team=there.team.pk)
        alice.refresh_from_db()
        after = write(Event.USER_SIGNED_IN, actor=alice, subject=alice)
        moved = Record.objects.get(event=Event.USER_CHANGED)
        left = Record.objects.get(event=Event.USER_LEFT_TEAM)
        assert left.facts == {"person": str(alice.uuid), "to": str(there.team.uuid)}
        here, other = set(audit.visible_to(reviewer)), set(audit.visible_to(there))
        assert {before, left} <= here
        assert after not in here
        assert {moved, after} <= other
        assert before not in other

    def test_before_and_after_are_on_the_record_with_names_apart(self, desk, alice, admin):
        other = make_team(name="Borealis")

        change(desk, alice, name="Alice Atwood", team=other.pk)

        record = Record.objects.get(event=Event.USER_CHANGED)
        assert (record.event, record.actor) == (Event.USER_CHANGED, admin)
        assert record.facts == {
            "before": {"team": str(alice.team.uuid)},
            "after": {"team": str(other.uuid)},
        }
        assert said(record) == {
            "before": {"name": "Alice Adams"},
            "after": {"name": "Alice Atwood"},
        }

    def test_groups_are_recorded_by_name(self, desk, alice):
        change(desk, alice, groups=[group(MEMBERS).pk, group(ADMINS).pk])

        [record] = records()
        assert record.facts == {
            "before": {"groups": [MEMBERS], "is_staff": False},
            "after": {"groups": [ADMINS, MEMBERS], "is_staff": True},
        }

    def test_saving_without_a_change_is_no_act(self, desk, alice):
        change(desk, alice)

        assert records() == []

    def test_leaving_the_admins_group_takes_the_admin_away(self, desk, team):
        other = make_user(team=team, groups=[ADMINS, MEMBERS])

        change(desk, other, groups=[group(MEMBERS).pk])

        other.refresh_from_db()
        assert not other.is_staff

    def test_a_new_address_is_the_only_one_to_sign_in_with(self, desk, alice, client):
        change(desk, alice, email="Alice.Atwood@example.com")

        assert list(EmailAddress.objects.filter(user=alice).values_list("email", "verified")) == [
            ("alice.atwood@example.com", True)
        ]
        for email, status in (
            ("alice@example.com", HTTPStatus.OK),
            ("alice.atwood@example.com", HTTPStatus.FOUND),
        ):
            data = {"login": email, "password": "correct horse battery staple"}
            assert client.post(reverse("account_login"), data).status_code == status

    def test_the_form_asks_for_all_permissions_at_once(
        self, sign_in, superuser, alice, django_assert_max_num_queries
    ):
        desk = sign_in(superuser)
        with django_assert_max_num_queries(25):
            desk.get(url(User, "change", alice.pk))

    def test_nobody_is_deleted(self, desk, alice):
        assert desk.post(url(User, "delete", alice.pk), {"post": "yes"}).status_code == 403
        run_action(desk, [alice], "delete_selected", post="yes")

        assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.django_db(transaction=True)
class TestSessionsEnd:
    def test_deactivation_takes_effect_at_once(self, desk, sign_in_by_page, alice):
        client = sign_in_by_page(alice)
        assert is_signed_in(client)
        cache.set(sessions.live_key(alice.pk), "tag")

        change(desk, alice, is_active=None)

        assert not client.session.keys()
        assert not is_signed_in(client)
        assert cache.get(sessions.live_key(alice.pk)) is None
        [record] = records()
        assert record.event == Event.USER_DEACTIVATED
        assert record.facts == {"before": {"is_active": True}, "after": {"is_active": False}}

    def test_another_role_ends_sessions(self, desk, sign_in, alice):
        client = sign_in(alice)

        change(desk, alice, groups=[])

        assert not is_signed_in(client)

    def test_another_team_ends_sessions(self, desk, sign_in, alice):
        client = sign_in(alice)

        change(desk, alice, team=make_team().pk)

        assert not is_signed_in(client)

    def test_another_name_does_not(self, desk, sign_in, alice):
        client = sign_in(alice)

        change(desk, alice, name="Alice Atwood")

        assert is_signed_in(client)


class TestQuotas:
    def test_a_quota_changed_in_the_list_holds_for_this_month(self, desk, alice, bob):
        ledger.allowance_of(alice)

        change_list(desk, User, alice, quota=40)

        assert ledger.balance(User.objects.get(pk=alice.pk)).limit_total == 40
        limit, quota = sorted(records(), key=lambda record: record.event)
        assert limit.event == Event.ALLOWANCE_LIMIT_SET
        assert quota.event == Event.USER_CHANGED
        assert quota.facts == {"before": {"quota": None}, "after": {"quota": 40}}

    def test_a_month_nobody_has_drawn_on_simply_opens_with_it(self, desk, alice):
        change(desk, alice, quota=40)

        assert not Allowance.objects.exists()
        assert ledger.balance(User.objects.get(pk=alice.pk)).limit_total == 40

    def test_without_an_own_quota_the_default_holds_again(self, desk, alice, settings):
        alice.quota = 40
        alice.save()
        ledger.allowance_of(alice)

        change(desk, alice, quota="")

        assert ledger.balance(User.objects.get(pk=alice.pk)).limit_total == settings.DEFAULT_QUOTA

    def test_another_team_brings_its_default(self, desk, alice):
        ledger.allowance_of(alice)

        change(desk, alice, team=make_team(member_quota=70).pk)

        assert ledger.balance(User.objects.get(pk=alice.pk)).limit_total == 70

    def test_another_team_leaves_what_was_set_apart_for_this_month(self, desk, alice, admin):
        ledger.set_limit(alice, 900, actor=admin, reason="spring")

        change(desk, alice, team=make_team(member_quota=70).pk)

        assert ledger.balance(User.objects.get(pk=alice.pk)).limit_total == 900

    @pytest.mark.parametrize("quota", ["-1", "many", "1.5"])
    def test_a_quota_that_makes_no_sense_is_refused(self, desk, alice, quota):
        response = change(desk, alice, quota=quota)

        assert response.context["adminform"].form.errors["quota"]
        assert records() == []


class TestLinks:
    @pytest.mark.django_db(transaction=True)
    def test_an_invitation_is_mailed_again_and_recorded(self, desk, alice, admin):
        run_action(desk, [alice], "mail_link")

        [message] = mail.outbox
        assert message.to == [alice.email]
        [record] = records()
        assert (record.event, record.actor) == (Event.USER_INVITED, admin)
        assert record.facts == {"again": True, "link": "mailed"}

    def test_without_mail_it_says_so_and_records_nothing(self, desk, alice, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

        response = run_action(desk, [alice], "mail_link")

        assert "EMAIL_URL" in desk.get(response.url).content.decode()
        assert records() == []

    def test_a_link_that_was_shown_is_on_the_record(self, desk, alice):
        response = run_action(desk, [alice], "show_link")

        [invitation] = response.context["invitations"]
        assert invitation.link in response.content.decode()
        [record] = records()
        assert record.facts == {"again": True, "link": "shown"}
        assert said(record) == {}

    def test_deactivated_people_get_none(self, desk, alice):
        User.objects.filter(pk=alice.pk).update(is_active=False)

        assert run_action(desk, [alice], "show_link").context["invitations"] == []
        run_action(desk, [alice], "mail_link")
        assert records() == []
