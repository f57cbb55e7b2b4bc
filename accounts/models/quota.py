"""What changes a quota by the calendar: top-ups that end, and quotas planned for a later month."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.allowance import Allowance
from accounts.models.team import Team

# More than this in one figure is a slip of the hand.
MAX_CREDITS = 100_000_000


class TopUp(models.Model):
    """Credits added to one allowance, and what became of them. Only `accounts.ledger` writes it."""

    allowance = models.ForeignKey(
        Allowance, models.PROTECT, related_name="top_ups", verbose_name=_("allowance")
    )
    credits = models.PositiveIntegerField(_("credits"))
    # The last day on which they can be used, and the moment at which that day is over in the time
    # zone of the team. Both are empty for credits that stay until the month is over.
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    ends_at = models.DateTimeField(_("end"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    taken_back = models.PositiveIntegerField(_("credits taken back"), null=True, blank=True)
    # From the form: the same form gives credits once.
    token = models.UUIDField(_("form"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("time"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("top-up")
        verbose_name_plural = _("top-ups")
        indexes = [
            models.Index(
                fields=["ends_at"], condition=Q(ended_at__isnull=True), name="top_up_by_end"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["allowance", "token"], name="top_up_once_per_form"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True, ends_at__isnull=True)
                | Q(ends_on__isnull=False, ends_at__isnull=False),
                name="top_up_end_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.credits}, {self.allowance}"


class PlannedQuota(models.Model):
    """A quota that takes effect when a month opens in the team's time zone."""

    class Kind(models.TextChoices):
        OWN = "own", _("of one person")
        MEMBERS = "members", _("of each member of a team")
        CAP = "cap", _("of a whole team")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="planned_quotas",
        verbose_name=_("person"),
        help_text=_("For the quota of one person."),
    )
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="planned_quotas",
        verbose_name=_("team"),
        help_text=_("For the quota of each member, or of the whole team."),
    )
    month = models.DateField(_("from"), help_text=_("First day, in the team's time zone."))
    credits = models.PositiveIntegerField(
        _("credits a month"), validators=[MaxValueValidator(MAX_CREDITS)]
    )
    took_effect_at = models.DateTimeField(_("took effect"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("planned quota")
        verbose_name_plural = _("planned quotas")
        ordering = ["month", "pk"]
        indexes = [
            models.Index(
                fields=["month"],
                condition=Q(took_effect_at__isnull=True),
                name="planned_quota_by_month",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="own", user__isnull=False, team__isnull=True)
                | Q(kind__in=("members", "cap"), user__isnull=True, team__isnull=False),
                name="planned_quota_has_its_owner",
            ),
            models.UniqueConstraint(
                fields=["user", "month"], name="planned_quota_once_per_user_and_month"
            ),
            models.UniqueConstraint(
                fields=["team", "kind", "month"], name="planned_quota_once_per_team_and_month"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.team}, {self.month:%Y-%m}: {self.credits}"
