"""The door: who gets in, who does not, and what the log says of it."""

from http import HTTPStatus

import pytest
from django.urls import reverse

from accounts.events import Event
from accounts.models import Record, User
from tests.factories import PASSWORD

LOGIN = "account_login"


def post_login(client, email, password=PASSWORD, **data):
    return client.post(reverse(LOGIN), {"login": email, "password": password, **data})


def is_signed_in(client):
    return client.get(reverse("account")).status_code == HTTPStatus.OK


def test_sign_up_is_closed(client, db):
    data = {"email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD}

    response = client.post(reverse("account_signup"), data)

    assert not User.objects.exists()
    assert "account/signup_closed.html" in {template.name for template in response.templates}


@pytest.mark.parametrize("typed", ["alice@example.com", "Alice@Example.COM", " alice@example.com "])
def test_the_address_is_taken_without_regard_to_case(client, alice, typed):
    response = post_login(client, typed)

    assert response.status_code == HTTPStatus.FOUND
    assert is_signed_in(client)


def test_signing_in_leads_to_where_one_was_going(client, alice):
    response = post_login(client, alice.email, next="/credits/")

    assert response.url == "/credits/"


def test_a_next_address_elsewhere_is_not_followed(client, alice):
    response = post_login(client, alice.email, next="https://evil.example/")

    assert response.url == reverse("studio")


def test_a_wrong_password_is_told_without_saying_which_half_was_wrong(client, alice):
    known = post_login(client, alice.email, "not it")
    unknown = post_login(client, "nobody@example.com", "not it")

    errors = known.context["form"].non_field_errors()
    assert "not correct" in errors[0]
    assert unknown.context["form"].non_field_errors() == errors
    assert not is_signed_in(client)


def test_guessing_is_slowed_down_even_for_the_right_password(client, alice):
    for _ in range(5):
        post_login(client, alice.email, "not it")

    response = post_login(client, alice.email)

    assert "Too many failed login attempts" in response.context["form"].non_field_errors()[0]
    assert not is_signed_in(client)


def test_a_deactivated_person_is_refused(client, alice):
    User.objects.filter(pk=alice.pk).update(is_active=False)

    response = post_login(client, alice.email)

    assert response.url == reverse("account_inactive")
    assert not is_signed_in(client)


def test_signing_in_is_recorded_with_the_address_in_the_erasable_part(client, alice):
    client.post(
        reverse(LOGIN),
        {"login": alice.email, "password": PASSWORD},
        headers={"user-agent": "Firefox"},
    )

    record = Record.objects.get(event=Event.USER_SIGNED_IN)
    assert (record.actor, record.subject_id) == (alice, alice.uuid)
    assert record.facts == {}
    assert record.payload.data == {"ip": "127.0.0.1", "user_agent": "Firefox"}


def test_a_refused_sign_in_leaves_no_record_of_one(client, alice):
    post_login(client, alice.email, "not it")

    assert not Record.objects.filter(event=Event.USER_SIGNED_IN).exists()


def test_signing_out_ends_the_session(sign_in, alice):
    client = sign_in(alice)

    client.post(reverse("account_logout"))

    assert not is_signed_in(client)


@pytest.mark.parametrize("name", ["account", "credits", "usersessions_list"])
def test_pages_of_ones_own_ask_to_sign_in(client, db, name):
    response = client.get(reverse(name))

    assert response.status_code == HTTPStatus.FOUND
    assert response.url.startswith(reverse(LOGIN))


def test_the_admin_has_the_same_door(client, db):
    response = client.get(reverse("admin:index"), follow=True)

    assert response.request["PATH_INFO"] == reverse(LOGIN)


def test_the_admin_is_closed_to_members(sign_in, alice):
    assert sign_in(alice).get(reverse("admin:index"), follow=True).status_code == 403


def test_nobody_gives_themselves_another_address(sign_in, alice):
    """allauth has a page for it, but addresses are an admin's to change."""
    client = sign_in(alice)

    response = client.post(
        reverse("account_email"), {"action_add": "", "email": "other@example.com"}
    )

    assert response.url == reverse("account")
    assert list(alice.emailaddress_set.values_list("email", flat=True)) == [alice.email]
