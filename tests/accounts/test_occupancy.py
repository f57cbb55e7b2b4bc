"""Two studios on one Redis database: the second one is refused, and neither has to wait."""

from types import SimpleNamespace

import pytest
import redis

from accounts import occupancy
from accounts.models import Studio

pytestmark = pytest.mark.django_db
URL = "redis://:secret@127.0.0.1:6399/3"


class Server:
    """The Redis commands that marks need, with a dictionary as the database."""

    def __init__(self):
        self.values, self.seconds = {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        pass

    def set(self, key, value, *, nx, ex):
        if nx and key in self.values:
            return None
        self.values[key], self.seconds[key] = value.encode(), ex
        return True

    def get(self, key):
        return self.values.get(key)

    def expire(self, key, seconds):
        self.seconds[key] = seconds


@pytest.fixture
def server(monkeypatch):
    """One Redis server for all URLs."""
    server = Server()
    client = SimpleNamespace(from_url=lambda url, **options: server)
    stand_in = SimpleNamespace(Redis=client, RedisError=redis.RedisError)
    monkeypatch.setattr(occupancy, "redis", stand_in)
    return server


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(occupancy, "RENEW_SECONDS", 0)
    monkeypatch.setattr(occupancy, "_next_renewal", 0.0)


@pytest.fixture
def broker(settings):
    """Redis as the broker only."""
    settings.CACHES = settings.CACHES | {"shared": {"LOCATION": "/var/cache"}}
    settings.CELERY_BROKER_URL = URL


def become_another_studio():
    Studio.objects.all().delete()


@pytest.mark.usefixtures("broker")
class TestClaim:
    def test_marks_the_database_for_a_while(self, server):
        occupancy.claim()

        assert server.values == {occupancy.MARK: str(Studio.objects.get().uuid).encode()}
        assert server.seconds[occupancy.MARK] == occupancy.HELD_SECONDS

    def test_the_same_studio_can_start_again(self, server):
        occupancy.claim()
        server.seconds[occupancy.MARK] = 5

        occupancy.claim()

        assert server.seconds[occupancy.MARK] == occupancy.HELD_SECONDS

    def test_another_studio_is_told_which_setting_and_what_to_do(self, server):
        occupancy.claim()
        become_another_studio()

        with pytest.raises(occupancy.Occupied) as told:
            occupancy.claim()

        assert "CELERY_BROKER_URL" in told.value.message
        assert "another database number" in told.value.message
        assert "secret" not in told.value.message

    def test_an_expired_mark_can_be_taken(self, server):
        occupancy.claim()
        become_another_studio()
        server.values.clear()

        occupancy.claim()

        assert server.values[occupancy.MARK].decode() == str(Studio.objects.get().uuid)

    @pytest.mark.parametrize("error", [redis.ConnectionError, redis.TimeoutError, OSError])
    def test_an_unreachable_redis_does_not_prevent_the_start(self, server, monkeypatch, error):
        def away(*args, **options):
            raise error

        monkeypatch.setattr(server, "set", away)

        occupancy.claim()


class TestRenewal:
    @pytest.mark.usefixtures("broker")
    def test_keeps_the_mark_alive(self, server):
        occupancy.claim()
        server.seconds[occupancy.MARK] = 5

        assert occupancy.renew() == ""
        assert server.seconds[occupancy.MARK] == occupancy.HELD_SECONDS

    @pytest.mark.usefixtures("broker")
    def test_reports_another_studio_without_raising(self, server):
        occupancy.claim()
        become_another_studio()

        assert "another studio" in occupancy.renew()

    @pytest.mark.usefixtures("broker")
    def test_never_raises(self, monkeypatch):
        def broken():
            raise RuntimeError

        monkeypatch.setattr(occupancy, "claim", broken)

        assert occupancy.renew() == ""

    @pytest.mark.usefixtures("broker")
    def test_renews_once_an_interval_however_often_it_is_called(self, monkeypatch):
        looks = []
        monkeypatch.setattr(occupancy, "RENEW_SECONDS", 60)
        monkeypatch.setattr(occupancy, "claim", lambda: looks.append(1))

        for _ in range(3):
            occupancy.renew()

        assert looks == [1]


def test_both_cache_and_broker_are_marked(settings, monkeypatch):
    settings.CACHES = settings.CACHES | {"shared": {"LOCATION": ["redis://a/0", "redis://b/0"]}}
    settings.CELERY_BROKER_URL = "redis://c/1"
    marked = []
    monkeypatch.setattr(occupancy, "_mark", lambda url, own: marked.append(url) or own)

    occupancy.claim()

    assert marked == ["redis://a/0", "redis://c/1"]


def test_without_redis_nothing_is_marked(settings, server):
    settings.CACHES = settings.CACHES | {"shared": {"LOCATION": "/var/cache"}}
    settings.CELERY_BROKER_URL = ""

    occupancy.claim()

    assert server.values == {}
