"""Acts from a shell: the base of the studio's commands, and the record of a command's use."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from accounts import audit, origin
from accounts.audit.recording import Subject
from accounts.events import Event
from accounts.models import Studio


class RecordedCommand(BaseCommand):
    """A command that changes something: its records name the operating system's user.

    Everything that the command writes in its own thread is covered, and nothing that it leaves to
    others.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        with origin.at_shell(_name(self)):
            return super().execute(*args, **options)


@transaction.atomic
def record_use(command: str, *, subject: Subject | None = None) -> None:
    """Record that `command` was used on `subject`; without one, on the studio as a whole."""
    audit.record(
        Event.SHELL_USED,
        actor=None,
        subject=subject or Studio.objects.get_or_create(pk=Studio.ONLY)[0],
        facts={"command": command},
        personal=origin.who(),
    )


def has_log() -> bool:
    """Whether the tables of the log are complete; before the migrations they are not."""
    executor = MigrationExecutor(connection)
    leaves = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "accounts"]
    return not executor.migration_plan(leaves)


def _name(command: BaseCommand) -> str:
    return type(command).__module__.rpartition(".")[2]
