"""How long each step waits before it is tried again, in seconds."""

import pytest

from generations.jobs.execution import backoff
from generations.providers.errors import NotSent


@pytest.fixture(autouse=True)
def real_time(settings):
    settings.PROVIDER_TIME_SCALE = 1


def test_an_image_is_fetched_again_after_three_times_as_long_each_time():
    waits = [backoff.fetch_seconds(tries) for tries in range(1, 9)]
    assert waits == [1, 3, 9, 27, 81, 243, 300, 300]


def test_a_request_is_sent_again_after_twice_as_long_each_time():
    waits = [backoff.submit_seconds(attempt, NotSent()) for attempt in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 128]


def test_trouble_of_the_studios_own_is_waited_out_for_a_minute_at_most():
    waits = [backoff.accident_seconds(accidents) for accidents in range(1, 9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_chance_shortens_the_wait_for_an_image_by_half_at_most(monkeypatch):
    monkeypatch.setattr(backoff, "uniform", lambda least, _most: least)
    assert [backoff.fetch_seconds(tries) for tries in (1, 2, 8)] == [0.5, 1.5, 150]
    assert backoff.submit_seconds(5, NotSent()) == 0


@pytest.mark.parametrize(("asked", "wait"), [(900, 900), (0, 0), (-5, 0)])
def test_what_the_provider_asks_is_waited(asked, wait):
    assert backoff.submit_seconds(1, NotSent(retry_after=asked)) == wait
