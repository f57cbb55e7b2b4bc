"""The line of each provider, read without reading all of its rows.

Two kinds of rows are in line. Those that were never sent are read from the index
`generation_unsent`, which is sorted by person, price and age. A query jumps from one person and
price to the next and reads only the oldest row of each. A price belongs to one engine, so either
all rows of one person and price may be sent, or none. Rows that were sent before and came back are
few, because each has been in flight; all of them are read.

So the cost grows with the people who wait and with what is in flight, not with the line. A shorter
query usually suffices: whoever has nothing in flight goes first, and a row of one of them is
usually among the oldest of the line. If it is not, a short line is read as a whole. Only if the
line is long too, each person is read.

Django has no recursive queries, so these are written in SQL that both SQLite and PostgreSQL accept.
Their conditions repeat those of the indexes to the letter, because SQLite compares them so.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection

from generations.models import Price, ProviderAccount

# How many of the oldest rows are searched for one whose person has nothing in flight: LEAST_READ,
# and READ_FOR_EACH_BUSY more for each person with something in flight, whose rows may come first.
LEAST_READ = 100
READ_FOR_EACH_BUSY = 20
# A line with no more rows is short: to read them all costs less than to find each person's oldest.
SHORT = 1_000

# `due` holds, for each person and price, the oldest row that was never sent, and all rows that came
# back and are due. `sendable` holds those of them that may be sent now.
_DUE = """
WITH RECURSIVE first_of_each (id, user_id, price_id, created_at, position) AS (
    SELECT * FROM (
        SELECT id, user_id, price_id, created_at, position
        FROM generations_generation
        WHERE provider = %(provider)s AND status = 'queued' AND idempotency_key = ''
            AND next_action_at IS NULL AND preparing_since IS NULL AND user_id IS NOT NULL
        ORDER BY user_id, price_id, created_at, position, id
        LIMIT 1
    ) AS lowest
    UNION ALL
    SELECT higher.id, higher.user_id, higher.price_id, higher.created_at, higher.position
    FROM first_of_each AS known
    JOIN generations_generation AS higher ON higher.id = (
        SELECT id
        FROM generations_generation
        WHERE provider = %(provider)s AND status = 'queued' AND idempotency_key = ''
            AND next_action_at IS NULL AND preparing_since IS NULL
            AND (user_id, price_id) > (known.user_id, known.price_id)
        ORDER BY user_id, price_id, created_at, position, id
        LIMIT 1
    )
), due AS (
    SELECT id, user_id, price_id, created_at, position FROM first_of_each
    UNION ALL
    SELECT id, user_id, price_id, created_at, position
    FROM generations_generation
    WHERE provider = %(provider)s AND status = 'queued' AND preparing_since IS NULL
        AND (next_action_at IS NOT NULL OR NOT (idempotency_key = ''))
        AND (next_action_at IS NULL OR next_action_at <= %(now)s)
        AND (%(account)s = 0 OR idempotency_key = '' OR account_id = %(account)s)
), """
# The same `due`, from all rows of the line.
_DUE_OF_A_SHORT_LINE = """
WITH due AS (
    SELECT id, user_id, price_id, created_at, position
    FROM generations_generation
    WHERE provider = %(provider)s AND status = 'queued' AND preparing_since IS NULL
        AND (next_action_at IS NULL OR next_action_at <= %(now)s)
        AND (idempotency_key = '' OR account_id = %(account)s)
), """
_SENDABLE = """sendable AS (
    SELECT * FROM due
    WHERE (SELECT is_active FROM accounts_user WHERE accounts_user.id = due.user_id)
        AND price_id NOT IN ({resting})
)
"""

# The oldest row that may be sent and whose person has nothing in flight. If there is none among the
# rows that are searched: 0 for a line that is not short.
#
# Both databases read `oldest` in its order and stop at the first row that fits. If those that fit
# were ordered once more, all of `oldest` would be read first, which may be 20,000 rows.
_OLDEST_OF_THE_IDLE = """
WITH busy AS (
    SELECT DISTINCT user_id FROM generations_generation
    WHERE provider = %(provider)s AND status IN ('running', 'submitting') AND user_id IS NOT NULL
)
SELECT id FROM (
    SELECT id FROM (
        SELECT id, user_id, account_id, price_id, idempotency_key, preparing_since, next_action_at,
            created_at, position
        FROM generations_generation
        WHERE provider = %(provider)s AND status = 'queued'
        ORDER BY created_at, position, id
        LIMIT (SELECT %(least_read)s + %(read_for_each_busy)s * COUNT(*) FROM busy)
    ) AS oldest
    WHERE preparing_since IS NULL AND (next_action_at IS NULL OR next_action_at <= %(now)s)
        AND (idempotency_key = '' OR account_id = %(account)s)
        AND (SELECT is_active FROM accounts_user WHERE accounts_user.id = oldest.user_id)
        AND price_id NOT IN ({resting})
        AND user_id NOT IN (SELECT user_id FROM busy)
    LIMIT 1
) AS of_the_idle
UNION ALL
SELECT 0 WHERE (
    SELECT id FROM generations_generation
    WHERE provider = %(provider)s AND status = 'queued'
    ORDER BY created_at, position, id
    LIMIT 1 OFFSET %(short)s
) IS NOT NULL
LIMIT 1
"""

_FAIREST = """
SELECT sendable.id
FROM sendable
LEFT JOIN (
    SELECT user_id, COUNT(*) AS total
    FROM generations_generation
    WHERE provider = %(provider)s AND status IN ('running', 'submitting')
    GROUP BY user_id
) AS in_flight ON in_flight.user_id = sendable.user_id
ORDER BY COALESCE(in_flight.total, 0), sendable.created_at, sendable.position, sendable.id
LIMIT 1
"""
_ANY = "SELECT id FROM sendable LIMIT 1"
_ANY_MADE_BEFORE = "SELECT id FROM sendable WHERE created_at < %(now)s LIMIT 1"

# The next two jump from one person or price to the next, over everything that is queued.
_INACTIVE = """
WITH RECURSIVE waiting (user_id) AS (
    SELECT MIN(user_id) FROM generations_generation WHERE status = 'queued'
    UNION ALL
    SELECT (
        SELECT MIN(user_id) FROM generations_generation
        WHERE status = 'queued' AND user_id > waiting.user_id
    )
    FROM waiting WHERE user_id IS NOT NULL
)
SELECT user_id FROM waiting
WHERE NOT (SELECT is_active FROM accounts_user WHERE accounts_user.id = waiting.user_id)
"""
_PRICES = """
WITH RECURSIVE waiting (price_id) AS (
    SELECT MIN(price_id) FROM generations_generation WHERE status = 'queued'
    UNION ALL
    SELECT (
        SELECT MIN(price_id) FROM generations_generation
        WHERE status = 'queued' AND price_id > waiting.price_id
    )
    FROM waiting WHERE price_id IS NOT NULL
)
SELECT price_id FROM waiting
WHERE EXISTS (
    SELECT 1 FROM generations_generation
    WHERE status = 'queued' AND generations_generation.price_id = waiting.price_id
        AND created_at < %(before)s
)
"""


def fairest(account: ProviderAccount, now: datetime, *, resting: Sequence[str]) -> int | None:
    """The primary key of the generation to send next with the key of `account`, or None.

    The person with the fewest generations in flight at the provider goes first, then whoever has
    waited longest. `resting` names the engines for which nothing may be sent with this key.
    """
    search = partial(_keys, provider=account.provider, now=now, account=account, resting=resting)
    found = search(_OLDEST_OF_THE_IDLE)
    if not found:
        found = search(_DUE_OF_A_SHORT_LINE + _SENDABLE + _FAIREST)
    elif found == [0]:
        found = search(_DUE + _SENDABLE + _FAIREST)
    return found[0] if found else None


def has_due(provider: str, now: datetime) -> bool:
    """Whether a request is due that any key of `provider` may send."""
    return bool(_keys(_DUE + _SENDABLE + _ANY, provider, now))


def has_due_since(account: ProviderAccount, before: datetime, *, resting: Sequence[str]) -> bool:
    """Whether a request that this key may send was made and due before the moment `before`."""
    sql = _DUE + _SENDABLE + _ANY_MADE_BEFORE
    return bool(_keys(sql, account.provider, before, account=account, resting=resting))


def inactive_people() -> list[int]:
    """The primary keys of people who have requests in line and are no longer active."""
    return _fetched(_INACTIVE, {})


def prices_waiting(before: datetime) -> list[Price]:
    """The prices of the requests that have been in line since before the moment `before`."""
    keys = _fetched(_PRICES, {"before": connection.ops.adapt_datetimefield_value(before)})
    return list(Price.objects.filter(pk__in=keys))


def _keys(
    sql: str,
    provider: str,
    now: datetime,
    *,
    account: ProviderAccount | None = None,
    resting: Sequence[str] = (),
) -> list[int]:
    prices = Price.objects.filter(engine__in=resting).values_list("pk", flat=True)
    # The 0, which is no price, avoids an empty list, which SQL does not allow.
    rests = {
        f"resting_{number}": key for number, key in enumerate([0, *(prices if resting else [])])
    }
    values = {
        "provider": provider,
        "now": connection.ops.adapt_datetimefield_value(now),
        "account": account.pk if account else 0,
        "least_read": LEAST_READ,
        "read_for_each_busy": READ_FOR_EACH_BUSY,
        "short": SHORT,
        **rests,
    }
    return _fetched(sql.format(resting=", ".join(f"%({name})s" for name in rests)), values)


def _fetched(sql: str, values: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [key for (key,) in cursor.fetchall()]
