"""The person of a session is read with their team; sessions of Django's own backend stay valid."""

from http import HTTPStatus

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
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


def test_one_query_reads_the_permissions_of_a_person_and_of_their_groups(
    reviewer, django_assert_num_queries
):
    reviewer.user_permissions.add(Permission.objects.get(codename="read_whole_log"))
    with django_assert_num_queries(1):
        assert reviewer.has_perms(["accounts.view_record", "accounts.read_whole_log"])
        assert not reviewer.has_perm("accounts.add_team")


def test_superusers_have_every_permission(superuser):
    assert len(PersonBackend().get_all_permissions(superuser)) == Permission.objects.count()


def test_nobody_else_has_any(alice, team):
    alice.is_active = False
    for user in (alice, AnonymousUser()):
        assert PersonBackend().get_all_permissions(user) == set()


@pytest.mark.parametrize(
    "backend", ["accounts.backend.PersonBackend", "django.contrib.auth.backends.ModelBackend"]
)
def test_a_session_of_either_backend_is_valid(client, alice, backend):
    client.force_login(alice, backend=backend)
    assert client.get(reverse("account")).status_code == HTTPStatus.OK
