"""Sessions end at once: in the table, in the cache, and for pages that never ask the table."""

from http import HTTPStatus

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import RequestFactory
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
    request = RequestFactory().get("/")
    request.session = client.session
    return request


def test_every_session_of_the_person_ends_and_no_one_elses(sign_in, alice, bob):
    laptop, phone, other = sign_in(alice), sign_in(alice), sign_in(bob)

    sessions.end_all(alice)

    assert [is_signed_in(client) for client in (laptop, phone, other)] == [False, False, True]


def test_one_session_may_be_kept(sign_in, alice):
    kept, ended = sign_in(alice), sign_in(alice)

    sessions.end_all(alice, except_key=kept.session.session_key)

    assert [is_signed_in(client) for client in (kept, ended)] == [True, False]


def test_the_cached_copy_dies_with_the_row(sign_in, alice):
    client = sign_in(alice)
    assert is_signed_in(client)  # now it is cached

    sessions.end_all(alice)

    assert sessions.fingerprint(request_of(client)) is None


def test_a_copy_cached_while_the_end_was_not_committed_dies_too(sign_in, alice):
    client = sign_in(alice)
    key = f"django.contrib.sessions.cached_db{client.session.session_key}"
    copy = cache.get(key)

    with transaction.atomic():
        sessions.end_all(alice)
        cache.set(key, copy)

    assert not is_signed_in(client)


def test_an_end_that_is_rolled_back_ends_nothing(sign_in, alice):
    client = sign_in(alice)

    with transaction.atomic():
        sessions.end_all(alice)
        transaction.set_rollback(True)

    assert is_signed_in(client)


def test_what_live_pages_know_is_forgotten(alice):
    cache.set(sessions.live_key(alice.pk), "tag")

    sessions.end_all(alice)

    assert cache.get(sessions.live_key(alice.pk)) is None


def test_a_fingerprint_needs_no_query(sign_in, alice, django_assert_num_queries):
    request = request_of(sign_in(alice))

    with django_assert_num_queries(0):
        found = sessions.fingerprint(request)

    assert found == (alice.pk, alice.get_session_auth_hash())


def test_nobody_signed_in_has_no_fingerprint(client):
    assert sessions.fingerprint(request_of(client)) is None


def test_a_deactivated_persons_next_request_is_refused(sign_in, alice):
    """Even where the session itself was overlooked."""
    client = sign_in(alice)

    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert not is_signed_in(client)


def test_a_new_password_ends_the_other_sessions_only(sign_in, alice):
    here, there = sign_in(alice), sign_in(alice)
    cache.set(sessions.live_key(alice.pk), "tag")

    here.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )

    assert [is_signed_in(client) for client in (here, there)] == [True, False]
    assert sessions.fingerprint(request_of(there)) is None
    assert cache.get(sessions.live_key(alice.pk)) is None
    record = Record.objects.get(event=Event.USER_CHANGED)
    assert (record.actor, record.facts) == (alice, {"changed": ["password"]})


def test_one_may_sign_out_everywhere_else(sign_in, alice):
    here, there = sign_in(alice), sign_in(alice)

    here.post(reverse("usersessions_list"))

    assert [is_signed_in(client) for client in (here, there)] == [True, False]
