"""What is to be erased, what must not be erased, and what is erased by age."""

import uuid
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Team
from accounts.phrases import listed
from generations.models.campaign import Campaign

LONGEST_REASON = 500


class ErasureQuerySet(models.QuerySet["Erasure"]):
    def unfinished(self) -> Self:
        return self.filter(status__in=Erasure.UNFINISHED)


class Erasure(models.Model):
    """One order to erase: what, who asked, and how far it has come.

    `subject` is the identifier of the person, run or image; that of the rule, if texts and images
    are erased by age. `generations.erasing` does the work and is the only writer.
    """

    class Scope(models.TextChoices):
        PERSON = "person", _("Person")
        RUN = "run", _("Run")
        IMAGE = "image", _("Image")
        RULE = "rule", _("Rule")

    class Status(models.TextChoices):
        EMPTYING = "emptying", _("erasing")
        CLEANING = "cleaning", _("erased, old rows are being removed")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")

    UNFINISHED = (Status.EMPTYING, Status.CLEANING)

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    scope = models.CharField(_("kind"), max_length=10, choices=Scope)
    subject = models.UUIDField(_("identifier of what is erased"))
    pictures = models.BooleanField(_("images too"), default=False)
    # The kind, days and campaign of the rule at the time of the order: it may be deleted meanwhile.
    rule = models.JSONField(_("rule"), null=True, editable=False)
    # Kept in the log; emptied here when the erasure is done.
    reason = models.CharField(_("reason"), max_length=LONGEST_REASON, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    status = models.CharField(_("state"), max_length=10, choices=Status, default=Status.EMPTYING)
    records = models.PositiveIntegerField(
        _("records emptied"), default=0, help_text=_("Records of the log that lost their text.")
    )
    runs = models.PositiveIntegerField(_("runs erased"), default=0)
    images = models.PositiveIntegerField(_("images erased"), default=0)
    uploads = models.PositiveIntegerField(_("uploads erased"), default=0)
    files_kept = models.PositiveIntegerField(
        _("files of which the bucket keeps versions"),
        default=0,
        help_text=_(
            "A lock forbids to delete the versions, or the studio's key lacks the right. They stay "
            "until the bucket's own rules remove them."
        ),
    )
    # A code of `generations.erasing.troubles`, empty while it moves.
    trouble = models.CharField(_("trouble"), max_length=40, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    # When a worker may take it next; while one works on it, until when it is left to that worker.
    next_try_at = models.DateTimeField(_("next try"))
    # When it last came further.
    moved_at = models.DateTimeField(_("last progress"), auto_now_add=True)
    emptied_at = models.DateTimeField(
        _("erased"),
        null=True,
        blank=True,
        help_text=_("Nobody can read it since then. Old rows are removed afterwards."),
    )
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(status__in=("emptying", "cleaning")),
                name="erasure_due",
            ),
            models.Index(fields=["subject"], name="erasure_by_subject"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(status__in=("emptying", "cleaning", "stopped")),
                name="erasure_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.subject}"


class LegalHold(models.Model):
    """Says that nothing of a person, run, campaign or image may be erased until it is lifted."""

    class Scope(models.TextChoices):
        PERSON = "person", _("Person")
        RUN = "run", _("Run")
        CAMPAIGN = "campaign", _("Campaign")
        IMAGE = "image", _("Image")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    scope = models.CharField(_("kind"), max_length=10, choices=Scope)
    subject = models.UUIDField(_("identifier of what is held"))
    reason = models.CharField(_("reason"), max_length=LONGEST_REASON)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("placed by")
    )
    placed_at = models.DateTimeField(_("placed"), auto_now_add=True)
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "subject"],
                condition=Q(lifted_at__isnull=True),
                name="legal_hold_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.subject}"


class RetentionRule(models.Model):
    """After how many days one kind of text, or images, are erased.

    A rule for a campaign takes the place of the general rule for runs of that campaign.
    """

    class Kind(models.TextChoices):
        PROMPTS = "prompts", _("Runs: prompts, requests, answers and all other texts")
        PICTURES = "pictures", _("Runs: images and uploads")
        REFUSED = "refused", _("Refused prompts")
        CALLERS = "callers", _("Network addresses and programs of sign-ins and strangers")

    OF_RUNS = (Kind.PROMPTS, Kind.PICTURES)

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("what is erased"), max_length=10, choices=Kind)
    campaign = models.ForeignKey(
        Campaign,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("campaign"),
        help_text=_("Only for runs. Empty: all runs whose campaign has no rule of this kind."),
    )
    days = models.PositiveIntegerField(
        _("age in days"),
        validators=[MinValueValidator(7)],
        help_text=_("What is older is erased. At least 7 days, so that every run has ended."),
    )
    is_active = models.BooleanField(
        _("active"),
        default=False,
        help_text=_("Nothing is erased until the rule is active. See first what it would erase."),
    )
    # Everything older has been looked at; empty after a legal hold was lifted.
    done_before = models.DateTimeField(_("done before"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("retention rule")
        verbose_name_plural = _("retention rules")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "campaign"],
                condition=Q(campaign__isnull=False),
                name="retention_rule_once_for_a_campaign",
            ),
            models.UniqueConstraint(
                fields=["kind"],
                condition=Q(campaign__isnull=True),
                name="retention_rule_once_for_the_rest",
            ),
        ]

    def __str__(self) -> str:
        after = ngettext("after %(days)d day", "after %(days)d days", self.days)
        campaign = str(self.campaign or "")
        return listed(self.get_kind_display(), campaign, after % {"days": self.days})

    def clean(self) -> None:
        if self.campaign and self.kind not in self.OF_RUNS:
            raise ValidationError(
                {"campaign": _("Only runs and their images belong to a campaign. Leave it empty.")}
            )

    @property
    def team(self) -> Team | None:
        """The team whose runs it is about; None for a rule about those of all teams."""
        return self.campaign.team if self.campaign else None
