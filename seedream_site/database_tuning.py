"""How the studio uses its database: time-outs, connections, and SQLite's way of writing."""

from typing import Any

_SQLITE: dict[str, Any] = {
    # To open the file and set it up again for each request would cost more than most queries.
    "CONN_MAX_AGE": 300,
    # IMMEDIATE: a transaction that will write waits at its start instead of failing half-way.
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "PRAGMA journal_size_limit=67108864; PRAGMA mmap_size=134217728;"
        "PRAGMA cache_size=-20000; PRAGMA temp_store=MEMORY;",
    },
}
_POSTGRESQL_OPTIONS: dict[str, Any] = {
    # Detects a dead server within seconds; libpq's defaults take two hours.
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
    # The timeouts end a wait for a transaction that a person left open in a console. Without
    # `jit=off`, a search compiles its query once there are millions of runs, because its cost
    # is estimated by their number. That takes longer than the search itself.
    "options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s -c jit=off",
}


def tuned(database: dict[str, Any], *, pool: int) -> dict[str, Any]:
    """Django's settings of a database, with what the studio adds. Options in its URL come first.

    `pool` is how many PostgreSQL connections the threads of a process share; with 0, each thread
    has one.
    """
    if database["ENGINE"].endswith("sqlite3"):
        return database | _SQLITE
    options = _POSTGRESQL_OPTIONS | database.get("OPTIONS", {})
    if not pool:
        return database | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}
    shared = {"pool": {"min_size": 1, "max_size": pool, "timeout": 30}}
    return database | {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True, "OPTIONS": options | shared}
