"""Signing in: who may, who may not, and what the log records."""

from http import HTTPStatus

import pytest
from django.urls import reverse

from accounts.events import Event
from accounts.models import Record, Tally, User
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
def test_the_case_of_the_address_does_not_matter(client, alice, typed):
    response = post_login(client, typed)

    assert response.status_code == HTTPStatus.FOUND
    assert is_signed_in(client)


def test_signing_in_leads_to_the_page_that_was_asked_for(client, alice):
    response = post_login(client, alice.email, next="/credits/")

    assert response.url == "/credits/"


def test_a_next_url_on_another_host_is_not_followed(client, alice):
    response = post_login(client, alice.email, next="https://evil.example/")

    assert response.url == reverse("studio")


def test_a_refusal_does_not_say_whether_address_or_password_was_wrong(client, alice):
    known = post_login(client, alice.email, "not it")
    unknown = post_login(client, "nobody@example.com", "not it")

    errors = known.context["form"].non_field_errors()
    assert "not correct" in errors[0]
    assert unknown.context["form"].non_field_errors() == errors
    assert not is_signed_in(client)


def test_after_many_tries_even_the_right_password_is_refused(client, alice):
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
    caller = {"ip": "127.0.0.1", "user_agent": "Firefox"}
    assert record.payload.data == caller | {"session": record.payload.data["session"]}


def test_a_refused_sign_in_is_not_recorded_as_a_sign_in(client, alice):
    post_login(client, alice.email, "not it")

    assert not Record.objects.filter(event=Event.USER_SIGNED_IN).exists()


def test_signing_out_ends_the_session(sign_in_by_page, alice):
    client = sign_in_by_page(alice)

    client.post(reverse("account_logout"))

    assert not is_signed_in(client)


@pytest.mark.parametrize("name", ["account", "credits", "usersessions_list"])
def test_personal_pages_redirect_to_the_sign_in_page(client, db, name):
    response = client.get(reverse(name))

    assert response.status_code == HTTPStatus.FOUND
    assert response.url.startswith(reverse(LOGIN))


def test_the_admin_uses_the_same_sign_in_page(client, db):
    response = client.get(reverse("admin:index"), follow=True)

    assert response.request["PATH_INFO"] == reverse(LOGIN)


def test_the_admin_is_closed_to_members(sign_in, alice):
    assert sign_in(alice).get(reverse("admin:index"), follow=True).status_code == 403


def test_people_cannot_change_their_own_address(sign_in, alice):
    """allauth has a page for it, but only admins change addresses."""
    client = sign_in(alice)

    response = client.post(
        reverse("account_email"), {"action_add": "", "email": "other@example.com"}
    )

    assert response.url == reverse("account")
    assert list(alice.emailaddress_set.values_list("email", flat=True)) == [alice.email]


class TestRefusedSignIns:
    def refused(self):
        return list(Record.objects.filter(event=Event.USER_SIGN_IN_FAILED))

    def test_are_recorded_with_personal_data_apart_and_without_the_password(self, client, alice):
        agent = {"user-agent": "Firefox"}
        client.post(reverse(LOGIN), {"login": alice.email, "password": "not it"}, headers=agent)

        [record] = self.refused()
        assert (record.actor, record.facts) == (None, {"person": str(alice.uuid)})
        assert record.payload.data == {
            "email": alice.email,
            "ip": "127.0.0.1",
            "user_agent": "Firefox",
        }
        assert "not it" not in str((record.facts, record.payload.data))

    def test_are_recorded_for_unknown_addresses_too(self, client, alice):
        post_login(client, "nobody@example.com", "not it")

        [record] = self.refused()
        assert record.facts == {"person": None}

    def test_make_one_record_for_each_ip_address(self, client, alice):
        # The later ones are refused without a check of the password, and still counted.
        for number in range(12):
            post_login(client, f"person{number % 2}@example.com", "not it")

        assert len(self.refused()) == 1
        assert Tally.objects.get().more == 11

    def test_accept_any_user_agent(self, client, alice):
        agent = {"user-agent": "bad\x00\x1b[31m" + "x" * 5000}
        client.post(reverse(LOGIN), {"login": "x@example.com", "password": "x"}, headers=agent)

        [record] = self.refused()
        assert record.payload.data["user_agent"].startswith("bad[31mx")
        assert len(record.payload.data["user_agent"]) <= 300

    def test_record_the_ip_address_that_the_trusted_proxy_names(self, client, alice, settings):
        forged = {"x-forwarded-for": "198.51.100.9, 203.0.113.7"}
        data = {"login": alice.email, "password": "not it"}
        client.post(reverse(LOGIN), data, headers=forged)
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
        client.post(reverse(LOGIN), data, headers=forged)

        ips = [record.payload.data["ip"] for record in self.refused()]
        assert sorted(ips) == ["127.0.0.1", "203.0.113.7"]
