"""Proofs of the credits: how far the last ones came, and what they found."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Allowance


class Proof(models.Model):
    """One look at all allowances, generations and entries, in steps that a restart continues."""

    class Stage(models.TextChoices):
        ALLOWANCES = "allowances", _("allowances")
        GENERATIONS = "generations", _("requests")
        ENTRIES = "entries", _("entries")
        BUDGETS = "budgets", _("budgets")

    began_at = models.DateTimeField(_("began"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    stage = models.CharField(_("stage"), max_length=12, choices=Stage, default=Stage.ALLOWANCES)
    # The key of the last row of this stage that was looked at.
    after = models.BigIntegerField(_("looked at up to"), default=0)
    allowances = models.PositiveBigIntegerField(_("allowances"), default=0)
    generations = models.PositiveBigIntegerField(_("requests"), default=0)
    entries = models.PositiveBigIntegerField(_("entries"), default=0)
    # Those that were open at its end.
    findings = models.PositiveIntegerField(_("findings"), default=0)

    class Meta:
        verbose_name = _("proof of the credits")
        verbose_name_plural = _("proofs of the credits")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M}"


class Finding(models.Model):
    """What does not agree, from the proof that first found it until it is corrected or gone."""

    class What(models.TextChoices):
        DRIFT = "drift", _("The columns of a month differ from the sums of its entries.")
        NO_RESERVATION = "no_reservation", _("No credits are reserved for this request.")
        NO_END = "no_end", _("This request has ended, but its credits are still reserved.")
        EARLY_END = "early_end", _("Credits were resolved before this request ended.")
        UNEQUAL = "unequal", _("What was reserved is not what was spent and released.")
        OVERCHARGED = "overcharged", _("More was spent than the images that arrived cost.")
        UNDERCHARGED = "undercharged", _("Less was spent than the images that arrived cost.")
        NO_GENERATION = "no_generation", _("These entries name a request that does not exist.")
        BUDGET = "budget", _("What a budget reserved and spent differs from its entries.")

    # Those that a correction puts right; the others need somebody who knows what has happened.
    CORRECTABLE = (
        What.DRIFT,
        What.NO_END,
        What.OVERCHARGED,
        What.UNDERCHARGED,
        What.NO_GENERATION,
    )

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    what = models.CharField(_("what was found"), max_length=16, choices=What)
    # Names the rows that it is about, so that each is open once only.
    cause = models.CharField(_("cause"), max_length=80)
    allowance = models.ForeignKey(Allowance, models.PROTECT, null=True, related_name="+")
    generation = models.UUIDField(_("request"), null=True)
    credits = models.JSONField(_("credits"), default=dict)
    found_at = models.DateTimeField(_("found"))
    seen_in = models.ForeignKey(Proof, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(_("ended"), null=True)
    was_corrected = models.BooleanField(_("corrected"), default=False)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["-id"], condition=Q(ended_at__isnull=True), name="finding_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["cause"], condition=Q(ended_at__isnull=True), name="finding_open_once"
            )
        ]

    def __str__(self) -> str:
        return self.cause

    @property
    def can_be_corrected(self) -> bool:
        return self.ended_at is None and self.what in self.CORRECTABLE
