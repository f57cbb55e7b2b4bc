"""The caches go on while the shared one is away, and no old value returns with it."""

import errno
import pickle

import pytest
from django.core.cache import cache, caches

from accounts import caching

SHARED = caching.SHARED


@pytest.fixture
def shared():
    """The shared cache itself, without the guard."""
    return caches[SHARED]


def test_both_caches_are_the_shared_one_while_it_answers(shared):
    cache.set("a", 1)
    caches["live"].set("b", 2)

    assert shared.get_many(["a", "b"]) == {"a": 1, "b": 2}


class TestAway:
    def test_default_uses_the_memory_of_this_process(self, cable):
        cable.cut()

        assert cache.add("tries", 1)
        assert not cache.add("tries", 1)
        assert cache.incr("tries") == 2
        assert cache.get("tries") == 2
        assert cache.get_or_set("pace", lambda: 30) == 30

    def test_live_remembers_nothing(self, cable):
        cable.cut()

        caches["live"].set("tag", "a")

        assert caches["live"].get("tag") is None

    def test_it_is_not_asked_again_for_a_while(self, cable, monkeypatch):
        monkeypatch.setattr(caching, "REST_SECONDS", 60)
        cable.cut()

        for _ in range(20):
            cache.get("a")

        assert cable.asked == 1

    def test_an_outage_is_logged_once(self, cable, caplog):
        cable.cut()
        cache.get("a")
        cache.get("a")
        cable.mend()
        cache.get("a")

        assert [record.message for record in caplog.records] == [
            "the cache is away, going on without it: ConnectionError('the cable is cut')",
            "the cache answers again",
        ]

    def test_a_value_error_is_no_outage(self, cable):
        with pytest.raises(ValueError, match="not found"):
            cache.incr("nothing-counted")

        assert caching.cache_answers() == ""


class TestBack:
    def test_values_from_before_the_outage_are_there(self, cable):
        cache.set("a", 1)
        cable.cut()
        cache.get("b")
        assert cache.get("a") is None
        cable.mend()

        assert cache.get("a") == 1

    @pytest.mark.parametrize("name", ["default", "live"])
    def test_a_key_that_could_not_be_deleted_is_gone(self, cable, name):
        caches[name].set("a", 1)
        cable.cut()
        caches[name].delete("a")
        cable.mend()

        assert caches[name].get("a") is None

    def test_a_value_that_could_not_be_replaced_is_gone(self, cable):
        cache.set("a", "old")
        cable.cut()
        cache.set("b", 1)  # the first failure; after it, a write is not even tried
        cache.set("a", "new")
        cable.mend()

        assert cache.get("a") is None

    def test_a_cache_that_can_be_read_but_not_written_stays_away(self, shared, monkeypatch):
        def full(*args, **kwargs):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(caching, "REST_SECONDS", 0)
        cache.set("history", "of before")
        monkeypatch.setattr(type(shared), "set", full)
        cache.set("history", "of now")

        assert cache.get("history") == "of now"
        assert caching.cache_answers() == "OSError"

    def test_a_value_that_can_no_longer_be_unpickled_is_dropped(self, cable, shared, monkeypatch):
        def moved(*args, **kwargs):
            raise pickle.UnpicklingError("a class of an older version")

        cache.set("a", 1)
        with monkeypatch.context() as patch:
            patch.setattr(type(shared), "get", moved)
            assert cache.get("a") is None

        assert cache.get("a") is None
        cache.set("a", 2)
        assert cache.get("a") == 2


class TestCacheAnswers:
    def test_returns_an_empty_string_if_the_cache_answers(self):
        assert caching.cache_answers() == ""

    def test_returns_the_name_of_the_error_until_the_cache_is_back(self, cable):
        cable.cut()
        assert caching.cache_answers() == "ConnectionError"
        cable.mend()
        assert caching.cache_answers() == ""
