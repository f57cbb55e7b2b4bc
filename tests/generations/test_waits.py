"""Places in line and times: measured if there is enough to measure, else documented."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from generations import speeds
from generations.models import ProviderAccount, Run
from generations.providers import registry
from generations.reading import waits
from generations.states import Status
from tests.generations.asking import APIXO, DEMO
from tests.generations.factories import make_generation, make_pending_run, make_run

pytestmark = pytest.mark.django_db


def ended_after(user, seconds, **values):
    now = timezone.now()
    make_generation(
        make_run(user, **values),
        Status.SUCCEEDED,
        submitted_at=now - timedelta(seconds=seconds),
        ended_at=now,
    )


def test_a_typical_time_is_the_median_of_what_ended_lately(alice):
    for seconds in (10, 12, 500):
        ended_after(alice, seconds)
    assert waits.typical_seconds(make_run(alice), waits.pace_of("demo")) == pytest.approx(12)


def test_resolutions_are_measured_apart(alice):
    for seconds in (10, 12, 14):
        ended_after(alice, seconds, options={"resolution": "4K"})
    documented = registry.engine(DEMO).capabilities.typical_seconds.get("2K")
    assert waits.typical_seconds(make_run(alice), waits.pace_of("demo")) == documented


def test_too_few_are_no_measure(alice, apixo_key):
    ended_after(alice, 999, engine=APIXO)
    documented = registry.engine(APIXO).capabilities.typical_seconds["2K"]
    assert (
        waits.typical_seconds(make_run(alice, engine=APIXO), waits.pace_of("apixo")) == documented
    )


def test_an_engine_that_is_gone_has_no_typical_time(alice):
    assert waits.typical_seconds(Run(engine="gone/away", options={}), waits.pace_of("gone")) is None


def test_places_are_counted_in_the_providers_own_line(alice, bob, apixo_key):
    first = make_pending_run(bob).generations.get()
    elsewhere = make_pending_run(bob, engine=APIXO).generations.get()
    make_pending_run(bob, Status.RUNNING)
    second = make_pending_run(alice).generations.get()
    assert waits.places([first, elsewhere, second]) == {
        first.pk: 1,
        elsewhere.pk: 1,
        second.pk: 2,
    }


def test_the_wait_in_line_goes_by_what_the_provider_does_at_once(alice):
    for _ in range(3):
        ended_after(alice, 10)
    ProviderAccount.objects.create(
        provider="demo", slot=1, key_fingerprint="x", concurrency=4, per_minute=60
    )
    run = make_run(alice)
    cache.clear()
    seconds = [waits.seconds_in_line(run, place, waits.pace_of("demo")) for place in (1, 4, 5, 9)]
    assert seconds == [pytest.approx(each) for each in (10, 10, 20, 30)]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (13.2, "14 s"), (31, "35 s"), (89, "90 s"), (90, "2 min"), (121, "3 min")],
)
def test_times_as_one_says_them(seconds, words):
    assert speeds.in_words(seconds) == words


def test_an_estimate_is_called_one():
    assert waits.about(14) == "about 14 s"


def test_places_far_back_are_not_counted(alice, bob, monkeypatch):
    monkeypatch.setattr(waits, "COUNTED", 2)
    rows = [make_pending_run(person).generations.get() for person in (bob, bob, bob, alice)]
    assert list(waits.places(rows).values()) == [1, 2, 3, 3]
