"""Reads MIGRATE_DATABASE_URL: the PostgreSQL role that owns the tables."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

HOW_TO_CONNECT = ("USER", "PASSWORD", "HOST", "PORT")


def database_owner(
    running: Mapping[str, Any], url: str, *, parse: Callable[[str], Mapping[str, Any]]
) -> dict[str, Any]:
    """How the owner connects, as values of Django's DATABASES; {} if it is the role that runs.

    `running` is the studio's database, and `parse` reads a URL. Raises ImproperlyConfigured if
    `url` names another database.
    """
    if not url:
        return {}
    owner = parse(url)
    if owner["ENGINE"] != running["ENGINE"] or owner["NAME"] != running["NAME"]:
        raise ImproperlyConfigured(
            "MIGRATE_DATABASE_URL and DATABASE_URL must name the same database."
        )
    if owner["USER"] == running["USER"]:
        return {}
    return {name: owner[name] for name in HOW_TO_CONNECT}
