import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.team import Team


class CreditRequest(models.Model):
    """A person asks admins for more credits. Each person has at most one open request.

    Only `accounts.credit_requests` writes it. `draft` is what the credits are for: the values of
    the composer's form, or the `press` (an address) of a button. It is emptied when it has been
    used or can no longer be.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        GRANTED = "granted", _("granted")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")
        LAPSED = "lapsed", _("ended without a decision")

    class Short(models.TextChoices):
        """Whose credits do not suffice."""

        PERSON = "person", _("the person is short")
        TEAM = "team", _("the team is short")
        BOTH = "both", _("person and team are short")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="credit_requests",
        verbose_name=_("person"),
    )
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("Of the person at that time."),
    )
    credits = models.PositiveIntegerField(_("asked for"), help_text=_("Credits."))
    missing = models.PositiveIntegerField(
        _("missing"), default=0, help_text=_("Credits that were missing.")
    )
    price = models.PositiveIntegerField(
        _("price"), default=0, help_text=_("Credits for what it is for.")
    )
    short = models.CharField(_("what is short"), max_length=6, choices=Short, default=Short.PERSON)
    engine = models.CharField(_("engine"), max_length=100, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    draft = models.JSONField(_("what it is for"), default=dict, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    granted = models.PositiveIntegerField(_("credits granted"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    word = models.CharField(_("word to the person"), max_length=200, blank=True)
    # How often it was changed, which counts as asking.
    changes = models.PositiveSmallIntegerField(_("changes"), default=0)
    created_at = models.DateTimeField(_("asked at"), default=timezone.now, editable=False)
    changed_at = models.DateTimeField(_("last changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("request for credits")
        verbose_name_plural = _("requests for credits")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="credit_request_by_person"),
            models.Index(fields=["status", "-id"], name="credit_request_by_status"),
            models.Index(
                fields=["decided_at"], condition=~Q(draft={}), name="credit_request_with_draft"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(status="open"), name="credit_request_open_once"
            ),
            models.CheckConstraint(
                condition=Q(credits__gte=1), name="credit_request_asks_for_some"
            ),
            models.CheckConstraint(
                condition=Q(status="granted", granted__isnull=False)
                | (~Q(status="granted") & Q(granted__isnull=True)),
                name="credit_request_granted_says_how_many",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.credits}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    @property
    def waits(self) -> bool:
        """Whether it was granted, and what it is for has not been used yet."""
        return self.status == self.Status.GRANTED and bool(self.draft)

    @property
    def prompt(self) -> str:
        """The prompt that the credits are for, as far as it is kept."""
        draft: Any = self.draft
        return str(draft.get("prompt", ""))

    @property
    def press(self) -> str:
        """The address of the button that the credits are for; empty for the composer."""
        draft: Any = self.draft
        return str(draft.get("press", ""))
