"""How much each key is doing, in one query each.

Every claim asks for this, once for all keys and once more under the lock on one of them. Django
would spend more time on building these queries than the database on answering them, so they are
written in SQL. Their conditions repeat those of the indexes to the letter, as in `line`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from generations.models import ProviderAccount

RATE_WINDOW = timedelta(seconds=60)

_SENDING = """(
    SELECT COUNT(*) FROM generations_generation
    WHERE account_id = owner.id AND status = 'submitting'
)"""
_RUNNING = """(
    SELECT COUNT(*) FROM generations_generation
    WHERE account_id = owner.id AND status = 'running'
)"""

# Only the first row of an index is looked for. PostgreSQL would plan EXISTS twice, which takes
# longer than all else here.
_KEYS = f"""
SELECT id, provider, slot, key_fingerprint, {_SENDING} + {_RUNNING}, COALESCE((
    SELECT 1 FROM generations_generation
    WHERE provider = owner.provider AND status = 'queued' AND idempotency_key = ''
        AND next_action_at IS NULL AND preparing_since IS NULL
    ORDER BY user_id LIMIT 1
), (
    SELECT 1 FROM generations_generation
    WHERE provider = owner.provider AND status = 'queued' AND preparing_since IS NULL
        AND (next_action_at IS NOT NULL OR NOT (idempotency_key = ''))
        AND (next_action_at IS NULL OR next_action_at <= %(now)s)
    ORDER BY next_action_at LIMIT 1
), 0)
FROM generations_provideraccount AS owner
"""  # noqa: S608  # two constants

_LOAD = f"""
SELECT {_SENDING}, {_RUNNING}, (
    SELECT COUNT(*) FROM generations_generation
    WHERE account_id = owner.id AND submitted_at > %(lately)s AND NOT (status = 'submitting')
), (
    SELECT COUNT(*) FROM generations_engineblock WHERE account_id = owner.id
)
FROM generations_provideraccount AS owner
WHERE id = %(key)s
"""  # noqa: S608  # two constants


@dataclass(frozen=True)
class Load:
    """How many generations a key is `sending` and `running`, and how many else it `sent` lately.

    `blocks` counts the engines that were refused to it.
    """

    sending: int
    running: int
    sent: int
    blocks: int

    @property
    def in_flight(self) -> int:
        return self.sending + self.running


def of(account: ProviderAccount) -> Load:
    """The load of one key now. `sent` counts the last minute."""
    lately = _moment(timezone.now() - RATE_WINDOW)
    [row] = _fetched(_LOAD, {"key": account.pk, "lately": lately})
    return Load(*row)


@dataclass(frozen=True)
class Key:
    """A key, by its account's primary key and by its slot, and what it has `in_flight`.

    `awaited` says whether a request is due at the provider. The key may still not be allowed to
    send it.
    """

    account: int
    provider: str
    slot: int
    fingerprint: str
    in_flight: int
    awaited: int


def of_all_keys() -> list[Key]:
    """All keys that have an account, whether or not this process has them."""
    return [Key(*row) for row in _fetched(_KEYS, {"now": _moment(timezone.now())})]


def _moment(time: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(time)


def _fetched(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
