"""People and tables that all tests share."""

from http import HTTPStatus

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, TransactionTestCase
from django.urls import reverse

from accounts import append_only
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Team, User
from tests.factories import PASSWORD, make_team, make_user

pytest_plugins = ["tests.emulator.fixtures"]


@pytest.fixture(autouse=True)
def _fresh_cache():
    """Rate limits, sessions and live tags of one test are none of the next one's business."""
    yield
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def _flush_append_only_tables():
    """Lift the triggers where tests with real transactions empty their tables afterwards."""
    flush = TransactionTestCase._fixture_teardown

    def flush_without_triggers(self):
        with append_only.lifted(connection):
            flush(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_without_triggers)
        yield


@pytest.fixture
def team(db) -> Team:
    return make_team(name="Aurora")


@pytest.fixture
def alice(team) -> User:
    return make_user(email="alice@example.com", name="Alice Adams", team=team)


@pytest.fixture
def bob(team) -> User:
    """A member of Alice's team."""
    return make_user(email="bob@example.com", name="Bob Brown", team=team)


@pytest.fixture
def charlie(db) -> User:
    """A stranger: a member of another team."""
    team = make_team(name="Borealis")
    return make_user(email="charlie@example.com", name="Charlie Clark", team=team)


@pytest.fixture
def reviewer(team) -> User:
    return make_user(
        email="reviewer@example.com", name="Rae Reviewer", team=team, groups=[REVIEWERS]
    )


@pytest.fixture
def admin(team) -> User:
    """Staff, a member too, and no superuser."""
    return make_user(
        email="admin@example.com", name="Ada Admin", team=team, groups=[ADMINS, MEMBERS]
    )


@pytest.fixture
def superuser(team) -> User:
    return make_user(
        email="root@example.com", name="Root", team=team, is_superuser=True, is_staff=True
    )


@pytest.fixture
def sign_in():
    """`sign_in(user)`: a browser in which `user` has signed in by the page for it."""

    def sign_in(user: User, password: str = PASSWORD) -> Client:
        client = Client()
        response = client.post(
            reverse("account_login"), {"login": user.email, "password": password}
        )
        assert response.status_code == HTTPStatus.FOUND, response.content.decode()
        return client

    return sign_in


@pytest.fixture
def apixo_key(settings):
    """A key for APIXO, so that its engine can be picked."""
    configured = {"base_url": "https://api.apixo.ai/api/v1", "keys": {1: "test-key"}}
    settings.PROVIDERS = {**settings.PROVIDERS, "apixo": configured}


@pytest.fixture
def providers(emulator, settings):
    """Every provider as the emulator speaks it, in quick time."""
    settings.PROVIDERS = {name: configured(emulator, name) for name in emulator.providers}
    settings.PROVIDER_PRIVATE_HOSTS = [emulator.host]
    settings.PROVIDER_TIME_SCALE = 0.01
    emulator.small = True
    return emulator


@pytest.fixture
def apixo(providers, settings):
    """APIXO alone, as the emulator speaks it, in quick time."""
    settings.PROVIDERS = {"apixo": settings.PROVIDERS["apixo"]}
    return providers


def configured(emulator, name, slots=(1,)):
    """The settings of one provider that the emulator speaks."""
    return {
        "base_url": emulator.base_url(name),
        "keys": {slot: emulator.key(name, slot) for slot in slots},
        "options": emulator.options(name),
    }
