"""What an administrator of a new studio does first, and which of it is done."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.groups import REVIEWERS
from accounts.models import Team, User
from generations.providers import registry
from generations.providers.registry import DEMO

# The people of the demo have addresses there.
DEMO_ADDRESSES = "@studio.example"


@dataclass(frozen=True)
class Step:
    """One step. `done` is None if the studio cannot see it. `link` is an address, or empty."""

    name: str
    title: str
    detail: str
    done: bool | None
    link: str = ""
    link_text: str = ""


def steps(reader: User) -> list[Step]:
    """The steps for an admin, in order. Costs a few queries for one row each."""
    return list(_steps(reader))


def _steps(reader: User) -> Iterator[Step]:
    providers = [name for name in registry.provider_names() if name != DEMO]
    yield Step(
        "key",
        _("Set a provider's key"),
        _(
            "Write it into the file .env, such as APIXO_API_KEY=…, and start the studio again. "
            "Until then only the demo engine makes images, and it does not read the prompt."
        ),
        any(registry.slots(provider) for provider in providers),
        reverse("providers"),
        _("Providers"),
    )
    others = User.objects.filter(is_active=True).exclude(pk=reader.pk)
    real = others.exclude(email__endswith=DEMO_ADDRESSES)
    yield Step(
        "people",
        _("Invite people"),
        _("Each gets a link to set a password, and can make images at once."),
        real.exists(),
        reverse("admin:accounts_user_add"),
        _("Invite a person"),
    )
    yield _reviewers(reader, real)
    yield _quotas()
    yield Step(
        "backup",
        _("Back up the data and the keys"),
        _(
            "The keys that sign images and the log are in the folder keys of the data. A backup "
            "without them cannot be used. The commands are in the README, under “Back-up”."
        ),
        None,
    )


def _reviewers(reader: User, others: QuerySet[User]) -> Step:
    if reader.is_superuser:
        detail = _(
            "Reviewers read the log of their team, prompts included. Invite one, or tick the group "
            "on a person's page: as a superuser you can."
        )
    elif User.objects.filter(is_superuser=True, is_active=True).exists():
        detail = _("Reviewers read the log, so only a superuser makes one. Ask a superuser.")
    else:
        detail = _(
            "Reviewers read the log, so only a superuser makes one, and there is none. On the "
            "server, run: .venv/bin/python manage.py createsuperuser"
        )
    return Step(
        "reviewers",
        _("Make somebody a reviewer"),
        detail,
        others.filter(groups__name=REVIEWERS).exists(),
        reverse("admin:accounts_user_changelist"),
        _("People"),
    )


def _quotas() -> Step:
    default = ngettext(
        "Without a quota of their own, everybody has %(credits)d credit a month.",
        "Without a quota of their own, everybody has %(credits)d credits a month.",
        settings.DEFAULT_QUOTA,
    )
    is_set = (
        Team.objects.exclude(member_quota=None, quota=None).exists()
        or User.objects.exclude(quota=None).exists()
    )
    return Step(
        "quotas",
        _("Set credits a month"),
        default % {"credits": settings.DEFAULT_QUOTA},
        is_set,
        reverse("admin:accounts_team_changelist"),
        _("Teams"),
    )
