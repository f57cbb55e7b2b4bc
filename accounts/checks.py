"""System checks that look at the database: they run with `migrate` and at each start."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from accounts import damage, database_roles


@register(Tags.database)
def the_log_is_undamaged(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that the database really refuses changes of append-only tables."""
    refusal = damage.refusal() if databases else ""
    return [Error(refusal, id="accounts.E001")] if refusal else []


@register(Tags.database)
def the_running_role_can_only_add_to_the_log(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of rights by which the role that runs the studio could change the log."""
    return [warning for alias in databases or () for warning in _warnings(alias)]


def _warnings(alias: str) -> list[CheckMessage]:
    found = database_roles.dangers(connections[alias])
    if not found:
        return []
    return [
        Warning(
            "The database role that runs the studio could change the log: it may "
            f"{', '.join(found)}.",
            hint="Run the studio with a role that owns nothing: README.md describes it under “A "
            "separate database role”.",
            id="accounts.W001",
        )
    ]
