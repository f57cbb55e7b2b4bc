"""How people get an account: somebody makes it without a password, and a link sets one.

The link is allauth's password reset link. It works once, for `PASSWORD_RESET_TIMEOUT` seconds, and
not after the password, address, team, rights or `is_active` have changed (see `link_tokens`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from accounts import audit
from accounts.events import Event
from accounts.groups import ADMINS
from accounts.languages import written_for
from accounts.models import Team, User


@dataclass(frozen=True)
class Invitation:
    """A person, and the link with which they set a password. It is a secret: never log it."""

    user: User
    link: str


@transaction.atomic
def add_person(
    *,
    email: str,
    name: str,
    team: Team,
    groups: Iterable[Group],
    actor: User | None,
    password: str | None = None,
    language: str = "",
) -> User:
    """Make an account and record it. Without a password, only a link gives access to it.

    Raises IntegrityError if an account with this address exists.
    """
    groups = list(groups)
    names = sorted(group.name for group in groups)
    values = {"name": name, "team": team, "language": language, "is_staff": ADMINS in names}
    user = User.objects.create_user(email, password, **values)
    user.groups.set(groups)
    claim_address(user)
    audit.record(
        Event.USER_INVITED,
        actor=actor,
        subject=user,
        facts={"team": str(team.uuid), "groups": names},
        personal={"email": user.email, "name": name},
    )
    return user


def invite(
    *,
    email: str,
    name: str,
    team: Team,
    groups: Iterable[Group],
    actor: User | None,
    language: str = "",
) -> Invitation:
    """Make an account and a link to set its password. Raises what `add_person` raises."""
    user = add_person(
        email=email, name=name, team=team, groups=groups, actor=actor, language=language
    )
    return Invitation(user, link_for(user))


def link_for(user: User) -> str:
    """A new link to set a password; absolute if `PUBLIC_URL` or a request gives the host."""
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    return get_adapter().get_reset_password_from_key_url(f"{user_pk_to_url_str(user)}-{token}")


@transaction.atomic
def renew(user: User, *, actor: User, shown: bool) -> Invitation:
    """Make a new link for a person with an account, and record it; `shown` if `actor` sees it."""
    audit.record(
        Event.USER_INVITED,
        actor=actor,
        subject=user,
        facts={"again": True, "link": "shown" if shown else "mailed"},
    )
    return Invitation(user, link_for(user))


def mail(invitation: Invitation) -> None:
    """Send the link to the person. Raises OSError (so do smtplib's errors) if that fails."""
    context = {"person": invitation.user, "link": invitation.link}
    with written_for(invitation.user):
        message = get_adapter().render_mail(
            "accounts/email/invitation", invitation.user.email, context
        )
    message.send()


def can_mail() -> bool:
    """Whether mail is set up (`EMAIL_URL`)."""
    return not settings.EMAIL_BACKEND.endswith(".dummy.EmailBackend")


def claim_address(user: User) -> None:
    """Make `user.email` the only address with which this person can sign in.

    allauth looks people up in its own table first, so an old address left there would still work.
    """
    EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )
