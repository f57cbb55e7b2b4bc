"""From an invitation to a signed-in person, and when links end."""

from http import HTTPStatus

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core import mail
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from accounts import invitations
from accounts.events import Event
from accounts.groups import ADMINS, MEMBERS
from accounts.models import Record, User
from tests.factories import PASSWORD

NEW_PASSWORD = "a wholly new password"


@pytest.fixture
def invitation(team, admin):
    return invitations.invite(
        email="New.Person@example.com",
        name="Nova New",
        team=team,
        groups=Group.objects.filter(name=MEMBERS),
        actor=admin,
    )


def set_password(client, link, password=NEW_PASSWORD):
    """Open a link, fill in its form, and return the response."""
    form = client.get(link, follow=True)
    url = form.request["PATH_INFO"]
    return client.post(url, {"password1": password, "password2": password}, follow=True)


def sign_in_status(email, password):
    data = {"login": email, "password": password}
    return Client().post(reverse("account_login"), data).status_code


def test_the_link_sets_a_password_and_signs_in(client, invitation):
    response = set_password(client, invitation.link)

    assert response.redirect_chain[-1][0] == reverse("studio")
    assert response.context["user"] == invitation.user
    assert Record.objects.filter(event=Event.USER_SIGNED_IN, actor=invitation.user).exists()
    assert client.get(reverse("account")).status_code == HTTPStatus.OK
    assert sign_in_status("new.person@example.com", NEW_PASSWORD) == HTTPStatus.FOUND


def test_whoever_else_was_signed_in_is_signed_out_by_the_link(sign_in, admin, invitation):
    client = sign_in(admin)

    response = set_password(client, invitation.link)

    assert response.context["user"] == invitation.user


def test_a_mail_is_promised_only_where_one_can_be_sent(client, db, settings):
    page = reverse("account_reset_password")
    assert "We send you a link" in client.get(page).content.decode()

    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

    without = client.get(page).content.decode()
    assert "sends no mails" in without
    assert "We send you a link" not in without


def test_before_that_no_password_works(invitation):
    assert not invitation.user.has_usable_password()
    assert sign_in_status(invitation.user.email, "") == HTTPStatus.OK
    assert sign_in_status(invitation.user.email, "!") == HTTPStatus.OK


def test_an_invited_person_has_team_groups_and_a_verified_address(invitation, team):
    user = User.objects.get(email="new.person@example.com")
    assert (user.name, user.team, user.is_staff) == ("Nova New", team, False)
    assert [group.name for group in user.groups.all()] == [MEMBERS]
    address = EmailAddress.objects.get(user=user)
    assert (address.email, address.verified, address.primary) == (user.email, True, True)


def test_an_invited_admin_may_enter_the_admin(team, admin):
    person = invitations.invite(
        email="second@example.com",
        name="",
        team=team,
        groups=Group.objects.filter(name=ADMINS),
        actor=admin,
    ).user

    assert person.is_staff
    assert not person.is_superuser


def test_an_invitation_is_recorded_with_name_and_address_in_the_erasable_part(
    invitation, team, admin
):
    record = Record.objects.get(event=Event.USER_INVITED)
    assert (record.actor, record.subject_id) == (admin, invitation.user.uuid)
    assert record.facts == {"team": str(team.uuid), "groups": [MEMBERS]}
    assert record.payload.data == {"email": "new.person@example.com", "name": "Nova New"}


def test_an_address_is_invited_once_whatever_its_case(invitation, team):
    with pytest.raises(IntegrityError):
        invitations.invite(
            email="NEW.person@example.com", name="", team=team, groups=[], actor=None
        )


def test_a_link_works_once(client, invitation):
    set_password(client, invitation.link)

    response = Client().get(invitation.link, follow=True)

    assert response.context["token_fail"]


def test_a_link_ends_when_the_address_changes(client, invitation):
    user = invitation.user
    user.email = "elsewhere@example.com"
    user.save()
    invitations.claim_address(user)

    assert client.get(invitation.link, follow=True).context["token_fail"]


def test_a_link_does_not_let_a_deactivated_person_in(client, invitation):
    User.objects.filter(pk=invitation.user.pk).update(is_active=False)

    set_password(client, invitation.link)

    data = {"login": invitation.user.email, "password": NEW_PASSWORD}
    assert client.post(reverse("account_login"), data).url == reverse("account_inactive")


def test_a_link_is_absolute_if_the_studio_knows_its_address(invitation, settings):
    settings.PUBLIC_URL = "https://studio.example.com"

    assert invitations.link_for(invitation.user).startswith("https://studio.example.com/account/")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost:6666", "http://localhost:8123/"),
        ("127.0.0.1", "http://127.0.0.1:8123/"),
        ("[::1]:6666", "http://[::1]:8123/"),
        ("anything.example", "http://localhost:8123/"),
    ],
)
def test_the_caller_cannot_choose_the_port_of_a_link(alice, settings, client, host, address):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "*"]
    settings.PORT = 8123

    client.post(reverse("account_reset_password"), {"email": alice.email}, headers={"host": host})

    [message] = mail.outbox
    assert f"{address}account/password/reset/key/" in message.body


def test_the_mail_holds_the_link_and_greets_the_person(invitation):
    invitations.mail(invitation)

    [message] = mail.outbox
    assert message.to == [invitation.user.email]
    assert invitation.link in message.body
    assert "Nova New" in message.body
    assert "\n" not in message.subject


def test_a_forgotten_password_is_set_by_a_mailed_link(client, alice, settings):
    settings.PUBLIC_URL = "https://studio.example.com"

    client.post(reverse("account_reset_password"), {"email": alice.email.upper()})

    [message] = mail.outbox
    link = next(word for word in message.body.split() if word.startswith("https://"))
    set_password(client, link.removeprefix("https://studio.example.com"))
    assert sign_in_status(alice.email, PASSWORD) == HTTPStatus.OK
    assert sign_in_status(alice.email, NEW_PASSWORD) == HTTPStatus.FOUND


def test_a_forged_host_does_not_get_into_the_mail(client, alice):
    response = client.post(
        reverse("account_reset_password"),
        {"email": alice.email},
        headers={"host": "evil.example"},
    )

    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert mail.outbox == []
