"""Sessions end at once, also for pages that use the cache instead of the table."""

from http import HTTPStatus

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse

from accounts import sessions
from accounts.events import Event
from accounts.models import Record, User
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
NEW_PASSWORD = "a wholly new password"


def is_signed_in(client):
    return client.get(reverse("account")).status_code == HTTPStatus.OK


def request_of(client):
    """A request of this client, as a view gets it."""
    return client.get(reverse("account")).wsgi_request


def test_every_session_of_the_person_ends_and_no_one_elses(sign_in_by_page, alice, bob):
    laptop, phone, other = sign_in_by_page(alice), sign_in_by_page(alice), sign_in_by_page(bob)

    sessions.end_all(alice)

    assert [is_signed_in(client) for client in (laptop, phone, other)] == [False, False, True]


def test_one_session_may_be_kept(sign_in_by_page, alice):
    kept, ended = sign_in_by_page(alice), sign_in_by_page(alice)

    session = kept.session
    sessions.end_all(alice, keep=session)
    session.save()

    assert [is_signed_in(client) for client in (kept, ended)] == [True, False]


def test_a_session_that_allauth_does_not_know_ends_by_its_number(client, sign_in_by_page, alice):
    client.force_login(alice)  # without allauth, which would store it in UserSession

    sessions.end_all(alice)

    assert Session.objects.exists()
    assert not is_signed_in(client)


def test_a_session_older_than_session_numbers_stays_valid(client, alice):
    client.force_login(alice)

    opened_with = client.session[HASH_SESSION_KEY]

    assert opened_with == AbstractBaseUser.get_session_auth_hash(alice)
    assert is_signed_in(client)


@pytest.mark.parametrize("times_ended", [0, 1])
def test_a_session_outlives_a_change_of_the_secret_key(client, alice, settings, times_ended):
    for _ in range(times_ended):
        sessions.end_all(alice)
    client.force_login(alice)

    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another one"

    assert is_signed_in(client)


def test_an_ended_session_does_not_outlive_a_change_of_the_secret_key(client, alice, settings):
    client.force_login(alice)
    sessions.end_all(alice)

    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another one"

    assert not is_signed_in(client)


def test_a_rollback_keeps_the_sessions(sign_in_by_page, alice):
    client = sign_in_by_page(alice)

    with transaction.atomic():
        sessions.end_all(alice)
        transaction.set_rollback(True)

    assert is_signed_in(client)


def test_the_live_tag_is_forgotten(alice):
    cache.set(sessions.live_key(alice.pk), "tag")

    sessions.end_all(alice)

    assert cache.get(sessions.live_key(alice.pk)) is None


class TestViewer:
    def test_needs_no_query_the_second_time(
        self, sign_in_by_page, alice, rf, django_assert_num_queries
    ):
        client = sign_in_by_page(alice)
        sessions.viewer(request_of(client))
        request = rf.get("/")
        request.session = client.session  # not loaded: it has only a key

        with django_assert_num_queries(0):
            found = sessions.viewer(request)

        assert found == (alice.pk, alice.get_session_auth_hash())

    def test_is_nobody_without_a_session(self, client):
        assert sessions.viewer(request_of(client)) is None

    def test_comes_from_the_database_while_the_cache_is_away(self, sign_in_by_page, alice, cable):
        client = sign_in_by_page(alice)
        cable.cut()

        assert sessions.viewer(request_of(client))[0] == alice.pk

    def test_is_nobody_once_the_session_has_ended(self, sign_in_by_page, alice):
        client = sign_in_by_page(alice)
        assert sessions.viewer(request_of(client))

        sessions.end_all(alice)

        assert sessions.viewer(request_of(client)) is None


def test_a_deactivated_persons_next_request_is_refused(sign_in_by_page, alice):
    """Even if the session itself was not ended."""
    client = sign_in_by_page(alice)

    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert not is_signed_in(client)


def test_a_new_password_ends_the_other_sessions_only(sign_in_by_page, alice):
    here, there = sign_in_by_page(alice), sign_in_by_page(alice)
    cache.set(sessions.live_key(alice.pk), "tag")

    here.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )

    assert [is_signed_in(client) for client in (here, there)] == [True, False]
    assert cache.get(sessions.live_key(alice.pk)) is None
    record = Record.objects.get(event=Event.USER_CHANGED)
    assert (record.actor, record.facts) == (alice, {"changed": ["password"]})


def test_a_person_can_end_their_other_sessions(sign_in_by_page, alice):
    here, there = sign_in_by_page(alice), sign_in_by_page(alice)

    here.post(reverse("usersessions_list"))

    assert [is_signed_in(client) for client in (here, there)] == [True, False]
    record = Record.objects.get(event=Event.USER_SESSIONS_ENDED)
    assert (record.actor, record.facts) == (alice, {"sessions": 1})


def test_signing_in_and_out_name_the_same_session(sign_in_by_page, alice):
    client = sign_in_by_page(alice)
    client.post(reverse("account_logout"))
    into, out = (
        Record.objects.get(event=event).payload.data
        for event in (Event.USER_SIGNED_IN, Event.USER_SIGNED_OUT)
    )
    assert into["session"] == out["session"] != ""
    assert client.session.session_key != into["session"]


def test_whoever_asks_for_a_password_reset_is_recorded_once(client, alice, settings):
    for _ in range(2):
        client.post(reverse("account_reset_password"), {"email": alice.email})
    record = Record.objects.get(event=Event.USER_RESET_ASKED)
    assert (record.actor, record.subject_id) == (None, alice.uuid)
    assert record.payload.data["ip"]


class TestEndedWhileTheCacheIsAway:
    """And later too, when the cache is back with its old values."""

    @pytest.fixture
    def tab(self, sign_in_by_page, alice, cable):
        tab = sign_in_by_page(alice)
        assert sessions.viewer(request_of(tab))
        cable.cut()
        return tab

    def test_a_deactivated_person_stays_out(self, tab, alice, cable):
        sessions.end_all(alice)
        assert not is_signed_in(tab)
        cable.mend()
        assert not is_signed_in(tab)
        assert sessions.viewer(request_of(tab)) is None

    def test_an_old_cookie_stays_invalid_after_signing_out(self, tab, cable, settings):
        cookie = tab.cookies[settings.SESSION_COOKIE_NAME].value
        tab.post(reverse("account_logout"))
        cable.mend()
        tab.cookies[settings.SESSION_COOKIE_NAME] = cookie

        assert not is_signed_in(tab)
        assert sessions.viewer(request_of(tab)) is None
