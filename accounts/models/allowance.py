"""Credits: one allowance for each owner and month, and the entries that explain it.

Each change of an allowance is an entry, written in the same transaction by `accounts.ledger`:

    limit      Δ limit                      reserve    + reserved
    top_up     Δ top_up                     settle     − reserved + spent
    write_off  − spent                      release    − reserved
    correction, which counts in no column: it explains a difference that a proof has found

So the columns of an allowance are the sums of its entries, and for each generation reserve = settle
+ release.
"""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.team import Team


def next_month(day: dt.date) -> dt.date:
    """The first day of the month after that of `day`."""
    return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


class Allowance(models.Model):
    """The credits of one person, or of one team with a cap, for one month."""

    class Origin(models.TextChoices):
        USER = "user", _("own quota")
        TEAM = "team", _("team default")
        SITE = "site", _("studio default")
        ADMIN = "admin", _("set for this month")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="allowances",
        verbose_name=_("person"),
    )
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="allowances",
        verbose_name=_("team"),
    )
    month = models.DateField(_("month"), help_text=_("First day, in the team's time zone."))
    limit = models.PositiveIntegerField(
        _("limit"), default=0, help_text=_("Credits for this month, without top-ups.")
    )
    top_up = models.PositiveIntegerField(
        _("top-up"), default=0, help_text=_("Credits added to the limit, for this month only.")
    )
    reserved = models.PositiveIntegerField(
        _("reserved"), default=0, help_text=_("Credits set aside for images that are being made.")
    )
    spent = models.PositiveIntegerField(
        _("spent"), default=0, help_text=_("Credits charged, without those written off.")
    )
    origin = models.CharField(
        _("origin"), max_length=8, choices=Origin, help_text=_("Where the limit comes from.")
    )

    class Meta:
        verbose_name = _("allowance")
        verbose_name_plural = _("allowances")
        ordering = ["-month", "user", "team"]
        # For the admin's list of one month, which is in the order of the key.
        indexes = [models.Index(fields=["month", "-id"], name="allowance_by_month")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "month"], name="allowance_once_per_user_and_month"
            ),
            models.UniqueConstraint(
                fields=["team", "month"], name="allowance_once_per_team_and_month"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True, team__isnull=False)
                | Q(user__isnull=False, team__isnull=True),
                name="allowance_has_one_owner",
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{column}__gte": 0}), name=f"allowance_{column}_not_negative"
                )
                for column in ("limit", "top_up", "reserved", "spent")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner}, {self.month:%Y-%m}"

    @property
    def owner(self) -> Any:
        """The person or the team whose credits they are."""
        return self.user or self.team

    @property
    def used(self) -> int:
        return self.reserved + self.spent

    @property
    def total(self) -> int:
        return self.limit + self.top_up

    @property
    def left(self) -> int:
        """Credits that may still be reserved; below zero after the limit was lowered."""
        return self.total - self.reserved - self.spent

    @property
    def renews_on(self) -> dt.date:
        return next_month(self.month)


class Entry(models.Model):
    """One line of the credit ledger. Append-only: triggers refuse any change."""

    class Kind(models.TextChoices):
        LIMIT = "limit", _("limit")
        TOP_UP = "top_up", _("top-up")
        RESERVE = "reserve", _("reserved")
        SETTLE = "settle", _("spent")
        RELEASE = "release", _("released")
        WRITE_OFF = "write_off", _("written off")
        CORRECTION = "correction", _("corrected")

    allowance = models.ForeignKey(
        Allowance, models.PROTECT, related_name="entries", verbose_name=_("allowance")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = models.IntegerField(_("credits"), help_text=_("Below zero if the limit was lowered."))
    # No foreign key: entries outlive generations, and `accounts` knows nothing of `generations`.
    generation = models.UUIDField(
        _("generation"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("Identifier of the generation that the credits are for."),
    )
    price = models.UUIDField(
        _("price"), null=True, blank=True, help_text=_("Identifier of the price of an image.")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("time"), default=timezone.now, editable=False)
    # By this the record of the act names the entry (`accounts.audit.entries`). Old ones have none.
    digest = models.CharField(_("digest"), max_length=64, null=True, db_index=True, editable=False)  # noqa: DJ001

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["allowance", "-created_at", "-id"], name="entry_by_allowance"),
            models.Index(fields=["kind", "-id"], name="entry_by_kind"),
            models.Index(
                fields=["allowance", "-created_at", "-id"],
                condition=Q(generation__isnull=True),
                name="entry_of_no_generation",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["allowance", "generation", "kind"],
                condition=Q(generation__isnull=False),
                name="entry_once_per_generation_and_kind",
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="entry_amount_not_zero"),
            models.CheckConstraint(
                condition=Q(kind__in=("limit", "top_up", "correction")) | Q(amount__gt=0),
                name="entry_amount_sign",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=("reserve", "settle", "release"))
                | Q(generation__isnull=False),
                name="entry_names_its_generation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"
