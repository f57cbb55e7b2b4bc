import uuid
from collections.abc import Iterator
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models.team import Team, validate_time_zone

COLOURS = 6


def languages() -> list[tuple[str, str]]:
    """The languages of the studio, by code."""
    return list(settings.LANGUAGES)


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a person. Without a password, only a reset link gives access to the account."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        team = fields.pop("team", None) or Team.objects.first() or Team.objects.create(name="Team")
        return self.create_user(
            email, password, team=team, is_staff=True, is_superuser=True, **fields
        )


class User(AbstractBaseUser, PermissionsMixin):
    """A person of the company, known by e-mail address. People are deactivated, never deleted."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(_("e-mail address"), help_text=_("The person signs in with it."))
    name = models.CharField(
        _("name"),
        max_length=100,
        blank=True,
        help_text=_("Empty: the e-mail address is shown in its place."),
    )
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        related_name="members",
        verbose_name=_("team"),
        help_text=_("The person sees the images of this team."),
    )
    language = models.CharField(
        _("language"),
        max_length=16,
        choices=languages,
        blank=True,
        help_text=_("Empty: that of the browser, and in mails that of the studio."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Such as Europe/Lisbon. Empty: that of the team."),
    )
    quota = models.PositiveIntegerField(
        _("own credits a month"),
        null=True,
        blank=True,
        help_text=_("Empty: the team's or the studio's default."),
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Untick instead of deleting: takes effect at once.")
    )
    is_staff = models.BooleanField(_("may enter the admin"), default=False)
    date_joined = models.DateTimeField(_("joined"), auto_now_add=True)
    # Raised by `accounts.sessions.end_all`, which ends sessions and links with a lower number.
    session_number = models.PositiveIntegerField(_("session number"), default=0, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_session_auth_hash(self) -> str:
        """The hash that a session must have: of the password, and with the session number."""
        return self._numbered(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return map(self._numbered, super().get_session_auth_fallback_hash())

    def _numbered(self, session_hash: str) -> str:
        """Number 0 adds nothing, so sessions that are older than session numbers stay valid."""
        return f"{session_hash}.{self.session_number}" if self.session_number else session_hash

    @property
    def tzinfo(self) -> ZoneInfo:
        """The time zone in which the person reads times. Months of credits follow the team's."""
        return ZoneInfo(self.time_zone) if self.time_zone else self.team.tzinfo

    @property
    def initials(self) -> str:
        words = str(self).replace("@", " ").split()
        return "".join(word[0] for word in words[:2]).upper()

    @property
    def colour(self) -> int:
        """The number of this person's avatar colour, 1 to 6."""
        return self.uuid.int % COLOURS + 1
