from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, connection
from environ import Env

from accounts import database_roles, role_making
from accounts.shell import RecordedCommand, has_log, record_use

ONE_ROLE = """\
DATABASE_URL and MIGRATE_DATABASE_URL name one role, {role}. Choose a second one and set, such as:
  MIGRATE_DATABASE_URL=postgres://{role}:<its password>@{host}/{name}
  DATABASE_URL=postgres://{role}_run:<another password>@{host}/{name}
Then run this command again, which makes the new role."""
SETTINGS = """\
DATABASE_URL names {running}, which runs the studio.
MIGRATE_DATABASE_URL names {owner}, which owns the tables. Only `seedream_site.launch` and the
commands `migrate`, `database_roles` and `audit_accept_damage` need this setting. Keep it from all
other programs."""
REFUSED = 2


class Command(RecordedCommand):
    help = (
        "Makes two PostgreSQL roles of DATABASE_URL and MIGRATE_DATABASE_URL: one that runs the "
        "studio and can only add to its log, and one that owns the tables. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--admin-url",
            metavar="URL",
            default="",
            help="how a superuser connects, if the role of MIGRATE_DATABASE_URL does not exist or "
            "may not make roles. The password may be in the environment, as PGPASSWORD",
        )

    def handle(self, *, admin_url: str, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has roles.", returncode=REFUSED)
        if not database_roles.are_two():
            given = settings.DATABASES["default"]
            said = ONE_ROLE.format(role=given["USER"], host=given["HOST"], name=given["NAME"])
            raise CommandError(said, returncode=REFUSED)
        self._make(_account(admin_url) if admin_url else settings.DATABASE_OWNER)

    def _make(self, account: dict[str, Any]) -> None:
        owner, running = database_roles.owner_role(), database_roles.running_role()
        try:
            with database_roles.connected_as(account) as connection:
                done = list(role_making.make(connection, owner=owner, running=running))
        except OperationalError as error:
            raise CommandError(
                f"The database can't be used as {account['USER']} ({_line(error)}). If this role "
                "does not exist yet, name a superuser with --admin-url."
            ) from error
        except DatabaseError as error:
            raise CommandError(
                f"{account['USER']} may not do this ({_line(error)}), and nothing was changed. "
                "Name a superuser with --admin-url."
            ) from error
        if has_log():
            record_use("database_roles")
        for sentence in done:
            self.stdout.write(sentence)
        self.stdout.write(SETTINGS.format(owner=owner.name, running=running.name))


def _account(url: str) -> dict[str, Any]:
    given = Env.db_url_config(url)
    return {name: given[name] for name in ("USER", "PASSWORD", "HOST", "PORT")}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
