"""The person of a session is read with their team; sessions of Django's own backend stay valid."""

from http import HTTPStatus

import pytest
from django.urls import reverse

from accounts.backend import PersonBackend

pytestmark = pytest.mark.django_db


def test_one_query_reads_the_person_and_their_team(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert PersonBackend().get_user(alice.pk).team == alice.team


def test_there_is_nobody_behind_an_unknown_key(db):
    assert PersonBackend().get_user(0) is None


def test_a_deactivated_person_is_nobody(alice):
    alice.is_active = False
    alice.save()
    assert PersonBackend().get_user(alice.pk) is None


@pytest.mark.parametrize(
    "backend", ["accounts.backend.PersonBackend", "django.contrib.auth.backends.ModelBackend"]
)
def test_a_session_of_either_backend_is_valid(client, alice, backend):
    client.force_login(alice, backend=backend)
    assert client.get(reverse("account")).status_code == HTTPStatus.OK
