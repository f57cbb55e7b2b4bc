import uuid
import zoneinfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(name)s” is not a time zone. Write one such as Europe/Lisbon."),
            params={"name": name},
        )


class Team(models.Model):
    """People who see one another's images and share a time zone, in which their months begin."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=100)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text=_("Such as Europe/Lisbon. A month of credits begins at midnight there."),
    )
    member_quota = models.PositiveIntegerField(
        _("credits a month for each member"),
        null=True,
        blank=True,
        help_text=_("Empty: the studio's default. A member's own quota goes first."),
    )
    quota = models.PositiveIntegerField(
        _("credits a month for the whole team"),
        null=True,
        blank=True,
        help_text=_("A cap over all members together. Empty: no cap."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        constraints = [models.UniqueConstraint(Lower("name"), name="team_name_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def tzinfo(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)
