import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from accounts import invitations
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Team, User
from accounts.shell import RecordedCommand

DEMO_PEOPLE = (
    ("marketer@studio.example", "Mara Marketer", (MEMBERS,)),
    ("reviewer@studio.example", "Rae Reviewer", (REVIEWERS,)),
)


class Command(RecordedCommand):
    help = (
        "Makes what a new studio needs: a team, a first admin and, with DEMO, one person per role. "
        "Safe to repeat: nothing that exists is changed, and only new passwords are printed."
    )

    @transaction.atomic
    def handle(self, **options: Any) -> None:
        team = Team.objects.order_by("pk").first() or Team.objects.create(name="Team")
        made = []
        # Don't look for the address: the first admin may have changed it, and one admin is enough.
        if not User.objects.filter(is_staff=True).exists():
            made.append(_add_first_admin(team))
        if settings.DEMO:
            made += [_add(team, *person) for person in DEMO_PEOPLE if not _is_known(person[0])]
        if made:
            self._print(made)

    def _print(self, made: list[tuple[User, str, tuple[str, ...]]]) -> None:
        widths = [max(len(row[0].email) for row in made), max(len(row[1]) for row in made)]
        self.stdout.write("People who can sign in now (passwords are shown this once):")
        for user, password, groups in made:
            self.stdout.write(
                f"  {user.email:{widths[0]}}  {password:{widths[1]}}  {', '.join(groups)}"
            )


def _add_first_admin(team: Team) -> tuple[User, str, tuple[str, ...]]:
    chosen = settings.STUDIO_ADMIN_PASSWORD
    groups = (ADMINS, MEMBERS, REVIEWERS)
    user, password, _ = _add(team, settings.STUDIO_ADMIN_EMAIL, "Admin", groups, password=chosen)
    # Somebody must be able to make reviewers and other superusers without a shell.
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    return user, "(STUDIO_ADMIN_PASSWORD)" if chosen else password, groups


def _add(
    team: Team, email: str, name: str, groups: tuple[str, ...], *, password: str = ""
) -> tuple[User, str, tuple[str, ...]]:
    password = password or secrets.token_urlsafe(12)
    user = invitations.add_person(
        email=email,
        name=name,
        team=team,
        groups=Group.objects.filter(name__in=groups),
        actor=None,
        password=password,
    )
    return user, password, groups


def _is_known(email: str) -> bool:
    return User.objects.filter(email__iexact=email).exists()
