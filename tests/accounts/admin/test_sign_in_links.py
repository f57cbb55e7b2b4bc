"""A link to set a password is void after any change of what it would give access to."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts import invitations
from accounts.events import Event
from accounts.groups import MEMBERS, REVIEWERS
from accounts.models import Record, User
from tests.accounts.admin.pages import change
from tests.factories import make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def nova(team, admin):
    """An invited member, whose link the admin has seen."""
    groups = Group.objects.filter(name=MEMBERS)
    return invitations.add_person(
        email="nova@example.com", name="Nova", team=team, groups=groups, actor=admin
    )


@pytest.fixture
def desk(superuser, sign_in):
    return sign_in(superuser)


def opens(link):
    return not Client().get(link, follow=True).context.get("token_fail")


def group_keys(*names):
    return list(Group.objects.filter(name__in=names).values_list("pk", flat=True))


CHANGES = {
    "groups": lambda: {"groups": group_keys(MEMBERS, REVIEWERS)},
    "is_staff": lambda: {"groups": group_keys("admins")},
    "permissions": lambda: {
        "user_permissions": [Permission.objects.get(codename="view_record").pk]
    },
    "is_superuser": lambda: {"is_superuser": True},
    "is_active": lambda: {"is_active": None},
    "team": lambda: {"team": make_team().pk},
    "email": lambda: {"email": "another@example.com"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_voids_the_link(desk, nova, name):
    link = invitations.link_for(nova)
    assert opens(link)

    change(desk, nova, **CHANGES[name]())

    assert not opens(link)
    nova.refresh_from_db()
    assert opens(invitations.link_for(nova))


def test_a_link_that_was_opened_before_the_change_sets_no_password_after_it(client, desk, nova):
    form = client.get(invitations.link_for(nova), follow=True)
    change(desk, nova, **CHANGES["groups"]())

    password = {"password1": "a wholly new password", "password2": "a wholly new password"}
    answer = client.post(form.request["PATH_INFO"], password)

    assert answer.context["token_fail"]
    nova.refresh_from_db()
    assert not nova.has_usable_password()


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ({"is_active": None}, {"is_active": True}),
        ({"email": "another@example.com"}, {"email": "nova@example.com"}),
    ],
)
def test_a_change_that_is_taken_back_revives_no_link(desk, nova, there, back):
    link = invitations.link_for(nova)

    change(desk, nova, **there)
    change(desk, nova, **back)

    assert not opens(link)


def test_any_other_change_leaves_the_link(desk, nova):
    link = invitations.link_for(nova)

    change(desk, nova, name="Nova Newman", quota=7)

    assert opens(link)


def test_the_number_itself_is_not_on_the_record(desk, nova):
    change(desk, nova, email="another@example.com")

    nova.refresh_from_db()
    assert nova.session_number == 1
    [record] = Record.objects.filter(event=Event.USER_CHANGED)
    assert (record.facts, set(record.payload.data["after"])) == ({}, {"email"})


def test_whoever_changes_their_own_address_stays_signed_in(desk, superuser):
    change(desk, superuser, email="roots@example.com")

    assert desk.get("/account/").status_code == 200
    assert User.objects.get(pk=superuser.pk).session_number == 1
