"""Times and amounts in answers are used only within bounds."""

import math
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest

from generations.providers.answers import (
    ID_LIMIT,
    MOST_AMOUNT,
    MOST_WAIT_SECONDS,
    UNREADABLE,
    after_iso,
    after_seconds,
    amount,
    bounded_wait,
    parsed_json,
    required_text,
    retry_after,
)

LIFE = timedelta(hours=24)


def made_up(chance: random.Random) -> str:
    """A header or timestamp that is usually invalid, and sometimes valid."""
    digits = "".join(chance.choices("0123456789", k=chance.choice([1, 3, 9, 10, 40, 400])))
    year = chance.choice([1, 1969, 2015, 2026, 2098, 9999])
    date = datetime(year, chance.randrange(1, 13), chance.randrange(1, 29), tzinfo=UTC)
    zone = chance.choice(["GMT", "+0000", "-2359", "+9999", "-0000", "EST", "+99999999999", ""])
    mess = "".join(chance.choices("0123456789:-+,. TZeEWedOctGMT\0\ud800٣²", k=30))
    written = format_datetime(date).rpartition(" ")[0]
    return chance.choice(
        [digits, f"-{digits}", f"{digits}.{digits}", f"{written} {zone}", date.isoformat(), mess]
    )


def test_no_header_causes_a_wait_longer_than_a_day():
    chance = random.Random("Retry-After")
    waits = [retry_after(made_up(chance)) for _ in range(3000)]
    told = [seconds for seconds in waits if seconds is not None]
    assert len(told) > 500
    assert all(0 <= seconds <= MOST_WAIT_SECONDS for seconds in told)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7200", 7200),
        ("9" * 400, MOST_WAIT_SECONDS),
        ("Wed, 31 Dec 2098 23:59:59 GMT", MOST_WAIT_SECONDS),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MOST_WAIT_SECONDS),
        ("Fri, 31 Dec 9999 23:59:59 +99999999999", None),
        ("NaN", None),
        ("inf", None),
        ("-7200", None),
    ],
)
def test_an_implausible_wait_is_cut_or_ignored(header, seconds):
    assert retry_after(header) == seconds


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(None, None), (math.nan, None), (math.inf, MOST_WAIT_SECONDS), (-1.0, 0.0), (1.5, 1.5)],
)
def test_a_wait_in_a_body_is_bounded_too(asked, waited):
    assert bounded_wait(asked) == waited


def test_no_link_lives_longer_than_its_provider_says():
    chance = random.Random("expiry")
    latest = datetime.now(UTC) + timedelta(days=1, minutes=1) + LIFE
    for _ in range(3000):
        whole = chance.choice([1, -1]) * int("".join(chance.choices("0123456789", k=20))[:12])
        for ends in (after_iso(made_up(chance), LIFE), after_seconds(whole, LIFE, per_second=1)):
            assert ends is None or datetime(2020, 1, 2, tzinfo=UTC) <= ends <= latest


@pytest.mark.parametrize("moment", [0, -1, 4_070_908_800, 10**30, True, "1767965620", None])
def test_an_implausible_timestamp_is_ignored(moment):
    assert after_seconds(moment, LIFE) is None


@pytest.mark.parametrize("moment", ["1999-12-31T23:59:59Z", "2098-01-01", "9999-12-31", "", None])
def test_an_implausible_date_is_ignored(moment):
    assert after_iso(moment, LIFE) is None


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", 10**11, -(10**11), True, None, {}])
def test_an_implausible_amount_is_refused(value):
    with pytest.raises(UNREADABLE):
        amount(value)


@pytest.mark.parametrize("value", [0, -3, 12.5, "12.50", "0.035"])
def test_an_amount_is_exact(value):
    assert amount(value) == Decimal(str(value))
    assert abs(amount(value)) < MOST_AMOUNT


def test_an_id_too_long_for_its_column_is_refused():
    assert required_text("t" * ID_LIMIT)
    with pytest.raises(ValueError, match="missing"):
        required_text("t" * (ID_LIMIT + 1))


def test_an_infinite_number_is_ignored():
    assert parsed_json('{"seconds": 1e999, "left": [-1e999, 1.5]}') == {
        "seconds": None,
        "left": [None, 1.5],
    }
