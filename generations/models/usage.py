"""What was used each day and month, added up, so that pages need not read every generation.

`generations.usage` keeps the tables in step with what they add up; `usage_rebuild` proves it.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from generations.models.campaign import Campaign


class Used(models.Model):
    """What was used, added up. Credits, images and generations are counted; the cost is in USD."""

    spent = models.PositiveIntegerField(_("credits spent"), default=0)
    released = models.PositiveIntegerField(_("credits released"), default=0)
    images = models.PositiveIntegerField(_("images delivered"), default=0)
    downloaded = models.PositiveIntegerField(_("images downloaded"), default=0)
    succeeded = models.PositiveIntegerField(_("generations succeeded"), default=0)
    failed = models.PositiveIntegerField(_("generations failed"), default=0)
    cancelled = models.PositiveIntegerField(_("generations cancelled"), default=0)
    cost_usd = models.DecimalField(_("cost, USD"), max_digits=14, decimal_places=5, default=0)

    class Meta:
        abstract = True


class UsageDay(Used):
    """What one person used on one day with one engine, in one format, for one campaign or none.

    The day is that of the reservation, in the time zone that the team had then, as the month of an
    allowance is. All that comes of a generation counts for that day, whenever it comes.
    """

    day = models.DateField(_("day"))
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False
    )
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, null=True, related_name="+", db_index=False
    )
    engine = models.CharField(_("engine"), max_length=100)
    format = models.CharField(_("format"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("usage of a day")
        verbose_name_plural = _("usage by day")
        permissions = [("see_team_usage", _("Can see the usage of the own team"))]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "team", "user", "engine", "format", "campaign"],
                condition=Q(campaign__isnull=False),
                name="usage_once_for_a_campaign",
            ),
            models.UniqueConstraint(
                fields=["day", "team", "user", "engine", "format"],
                condition=Q(campaign__isnull=True),
                name="usage_once_without_campaign",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "day"], name="usage_of_a_team"),
            # A month of all teams, without reading all months.
            models.Index(fields=["day"], name="usage_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day}, {self.user_id}, {self.engine}"


class UsedInMonth(Used):
    """What a part of a team used in one month, as the days of `UsageDay` in it add up."""

    month = models.DateField(_("month"), help_text=_("Its first day."))
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        abstract = True


class PersonMonth(UsedInMonth):
    """What one person used in one month."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        verbose_name = _("usage of a person in a month")
        verbose_name_plural = _("usage by person and month")
        constraints = [
            models.UniqueConstraint(fields=["month", "team", "user"], name="person_once_a_month")
        ]

    def __str__(self) -> str:
        return f"{self.month}, {self.user_id}"


class WorkMonth(UsedInMonth):
    """What a team used in one month with one engine, in one format, for one campaign or none."""

    campaign = models.ForeignKey(
        Campaign, models.PROTECT, null=True, related_name="+", db_index=False
    )
    engine = models.CharField(_("engine"), max_length=100)
    format = models.CharField(_("format"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("usage of an engine in a month")
        verbose_name_plural = _("usage by engine and month")
        constraints = [
            models.UniqueConstraint(
                fields=["month", "team", "engine", "format", "campaign"],
                condition=Q(campaign__isnull=False),
                name="work_once_for_a_campaign",
            ),
            models.UniqueConstraint(
                fields=["month", "team", "engine", "format"],
                condition=Q(campaign__isnull=True),
                name="work_once_without_campaign",
            ),
        ]
        indexes = [models.Index(fields=["month", "team"], name="work_by_month")]

    def __str__(self) -> str:
        return f"{self.month}, {self.team_id}, {self.engine}"


class WaitDay(models.Model):
    """How many generations of a team and day took how long, from the press to the last image.

    `step` n holds times from 1.1^n to 1.1^(n+1) seconds, so a median is right within a tenth.
    """

    day = models.DateField(_("day"))
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", db_index=False)
    step = models.PositiveSmallIntegerField(_("step"))
    count = models.PositiveIntegerField(_("generations"), default=0)

    class Meta:
        verbose_name = _("waits of a day")
        verbose_name_plural = _("waits by day")
        constraints = [
            models.UniqueConstraint(fields=["team", "day", "step"], name="waits_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.day}, {self.team_id}, {self.step}"
