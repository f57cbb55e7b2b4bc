"""People and tables that all tests share."""

import gc
import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
import redis
from django.core.cache import cache, caches
from django.db import connection
from django.test import Client, TransactionTestCase
from django.urls import reverse

from accounts import caching, occupancy
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Team, User
from generations.jobs.execution import backoff
from generations.providers import demo_pictures
from tests.engines import forget_engines
from tests.factories import PASSWORD, make_team, make_user
from tests.flushing import Start

pytest_plugins = ["tests.bucket", "tests.emulator.fixtures", "tests.workers"]

# The folders of tests that drive a browser, kill workers or go the way of a run many times.
LONG = {"e2e", "faults"}
# The folders of tests that use neither the database nor the cache, unless they say so.
PURE = {
    Path("emulator"),
    Path("generations/imaging"),
    Path("generations/labelling"),
    Path("generations/providers"),
}
# What walks through all addresses or entry points. Their queries are tested beside each of them.
WALKS = {"access", "languages", "test_acts_on_record.py", "test_every_pixel_is_labelled.py"}
# How the studio starts: each of these tests has its own settings.
STARTS = {"seedream_site"}
# The kind of engine whose sweep of crash points passes every point. The others differ in few.
SWEPT_WITH_ANY_SERVICE = {"keyed"}
# A provider that is polled, and one that answers at once. To the database and the broker, a run at
# any other provider is the same.
WITH_ANY_SERVICE = {"apixo", "modelark"}
# Pixels on which the demo engine composes a picture. It enlarges it to the size it should have.
FEW_PIXELS = 40_000


def pytest_xdist_auto_num_workers(config):
    """Two workers for each core, because tests wait half of the time, for processes and browsers.

    Each worker uses two of Redis's 16 databases, and none of the first 8, which others may use.
    """
    most = 4 if os.environ.get("CACHE_URL", "").startswith("redis") else 64
    return min(2 * (os.cpu_count() or 1), most)


def pytest_collection_modifyitems(config, items):
    if connection.vendor == "postgresql":
        same = [item for item in items if is_the_same_with_any_service(item)]
        config.hook.pytest_deselected(items=same)
        items[:] = [item for item in items if item not in set(same)]
    let_long_ones_be_first(config, items)


def pytest_collection_finish():
    """Collect garbage rarely, and never look at what has been imported: it saves a tenth."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def is_the_same_with_any_service(item):
    """Whether PostgreSQL and Redis make no difference to the test: `make test` runs it."""
    needs = {"db", "transactional_db", "live_server"} & set(item.fixturenames)
    folder = item.path.relative_to(Path(__file__).parent).parent
    pure = folder in PURE or folder == Path()
    if pure and not needs and not item.get_closest_marker("django_db"):
        return True
    if {*folder.parts, item.path.name} & (WALKS | STARTS):
        return True
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if item.path.name == "test_crash_points.py":
        return given.get("kind", "keyed") not in SWEPT_WITH_ANY_SERVICE
    provider = given.get("provider")
    return item.path.name == "test_every_provider.py" and provider not in {None, *WITH_ANY_SERVICE}


def let_long_ones_be_first(config, items):
    """Let every worker begin with its share of the long tests, so that only short ones come last.

    xdist gives each worker a stretch of the list; who has done theirs takes over the end of
    another's.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    long = [item for item in items if item.path.parent.name in LONG]
    short = [item for item in items if item.path.parent.name not in LONG]
    short.sort(key=lambda item: item.path.parent.name != "seedream_site")  # starts processes
    cuts = [len(short) * number // workers for number in range(workers + 1)]
    shares = (long[n::workers] + short[cuts[n] : cuts[n + 1]] for n in range(workers))
    items[:] = [item for share in shares for item in share]


@pytest.fixture(autouse=True)
def _fresh_cache():
    """Empty the caches, so that no test sees rate limits or live tags of another."""
    yield
    caching.outage.forget()
    cache.clear()


@pytest.fixture(autouse=True)
def _own_engines():
    """Forget the adapters, so that no test sees engines of another."""
    yield
    forget_engines()


@pytest.fixture(autouse=True, scope="session")
def _rough_pictures():
    """Let the demo engine paint fast. `TestFullSize` does without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_pictures, "WORK_AREA", FEW_PIXELS)
        patch.setattr(demo_pictures, "LARGE_WORK_AREA", FEW_PIXELS)
        yield


@pytest.fixture(autouse=True)
def _no_luck(monkeypatch):
    """Make each random wait as long as it can be, so that no test depends on chance."""
    monkeypatch.setattr(backoff, "uniform", lambda _least, most: most)


class Cable:
    """The connection to the shared cache: after `cut`, each access raises an error."""

    def __init__(self):
        self.is_cut = False
        self.asked = 0

    def cut(self):
        self.is_cut = True

    def mend(self):
        self.is_cut = False

    def __getitem__(self, alias):
        self.asked += 1
        if self.is_cut:
            raise ConnectionError("the cable is cut")
        return caches[alias]


@pytest.fixture
def cable(monkeypatch) -> Iterator[Cable]:
    """The cable to the shared cache. After `mend`, the cache is used again at once."""
    cable = Cable()
    monkeypatch.setattr(caching, "caches", cable)
    monkeypatch.setattr(caching, "REST_SECONDS", 0)
    yield cable
    cable.mend()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The test database. After a test with real transactions it is made as it was at first."""
    with django_db_blocker.unblock():
        _let_no_commit_wait_for_the_disk()
        start = Start(connection)

    def restore(_test):
        start.restore()
        _leave_redis()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", restore)
        yield


def _let_no_commit_wait_for_the_disk():
    """Tests need not survive a power cut. `tests.settings` does the same for SQLite."""
    if connection.vendor == "postgresql":
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        connection.close()  # it begins to count with the next connection


def _leave_redis():
    """Remove this studio's mark from Redis: the next test has another identity in its tables."""
    for _setting, url in occupancy._databases():
        with redis.Redis.from_url(url) as server:
            server.delete(occupancy.MARK)


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
    """An admin and member, but no superuser."""
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
    """`sign_in(user)`: a test client that is signed in, without the cost of the sign-in page."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def sign_in_by_page():
    """`sign_in_by_page(user)`: a test client that has signed in through the sign-in page."""

    def sign_in_by_page(user: User, password: str = PASSWORD) -> Client:
        client = Client()
        response = client.post(
            reverse("account_login"), {"login": user.email, "password": password}
        )
        assert response.status_code == HTTPStatus.FOUND, response.content.decode()
        return client

    return sign_in_by_page


@pytest.fixture
def apixo_key(settings):
    """A key for APIXO, so that its engine is offered."""
    configured = {"base_url": "https://api.apixo.ai/api/v1", "keys": {1: "test-key"}}
    settings.PROVIDERS = {**settings.PROVIDERS, "apixo": configured}


@pytest.fixture
def providers(emulator, settings):
    """Every provider, emulated, with short polling intervals and pauses."""
    settings.PROVIDERS = {name: configured(emulator, name) for name in emulator.providers}
    settings.PROVIDER_PRIVATE_HOSTS = [emulator.host]
    settings.PROVIDER_TIME_SCALE = 0.01
    # Retries may last as long as usual, because a busy machine may be slow.
    settings.PROVIDER_RETRY_SECONDS = 100 * settings.PROVIDER_RETRY_SECONDS
    emulator.small = True
    return emulator


@pytest.fixture
def apixo(providers, settings):
    """APIXO alone, emulated, with short polling intervals and pauses."""
    settings.PROVIDERS = {"apixo": settings.PROVIDERS["apixo"]}
    return providers


def configured(emulator, name, slots=(1,)):
    """The settings of one emulated provider."""
    return {
        "base_url": emulator.base_url(name),
        "keys": {slot: emulator.key(name, slot) for slot in slots},
        "options": emulator.options(name),
    }
