import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class PersonalNotice(models.Model):
    """What one person is told of their own work and credits, once for each kind and cause.

    Only `accounts.personal_notices` and `accounts.notices` write it.
    """

    class Kind(models.TextChoices):
        """Names are stored, so they are never changed or reused."""

        RUN_ENDED = "run:ended", _("A long run has ended")
        CREDITS_ADDED = "credits:added", _("Credits added")
        CREDITS_GRANTED = "credits:granted", _("Request for credits granted")
        CREDITS_DECLINED = "credits:declined", _("Request for credits declined")
        CREDITS_LAPSED = "credits:lapsed", _("Request for credits ended without a decision")
        TOP_UP_ENDED = "credits:ended", _("Top-up ended")
        CREDITS_NEARLY_USED = "credits:nearly_used", _("Most of your credits used")
        CREDITS_USED_UP = "credits:used_up", _("All of your credits used")
        OUTCOME_DECIDED = "outcome:decided", _("Decision about your work")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=40, choices=Kind)
    # What the notice is about, for example the identifier of a run.
    cause = models.CharField(_("cause"), max_length=100)
    # What fills the texts of the kind: names and whole numbers, and nothing that a person wrote.
    facts = models.JSONField(_("facts"), default=dict)
    told_at = models.DateTimeField(_("told"), db_index=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    # When it is due to be mailed; empty if it is not, or no longer.
    mail_at = models.DateTimeField(_("to be mailed"), null=True, blank=True)
    # The message that it went out with. It is set before the message is sent.
    message = models.UUIDField(_("message"), null=True, blank=True)

    class Meta:
        verbose_name = _("personal notice")
        verbose_name_plural = _("personal notices")
        ordering = ["-told_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-told_at", "-id"], name="personal_notice_newest"),
            models.Index(
                fields=["user"], condition=Q(read_at__isnull=True), name="personal_notice_unread"
            ),
            models.Index(
                fields=["mail_at"], condition=Q(mail_at__isnull=False), name="personal_notice_due"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "cause"], name="personal_notice_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.cause}"


class MailChoice(models.Model):
    """Which of their personal notices a person gets by mail. Without a row, none."""

    class When(models.TextChoices):
        OFF = "off", _("No e-mail")
        DAILY = "daily", _("Once a day, if there is something new")
        AT_ONCE = "at_once", _("Decisions at once, everything else once a day")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    when = models.CharField(_("when"), max_length=10, choices=When, default=When.OFF)

    class Meta:
        verbose_name = _("choice of mail")
        verbose_name_plural = _("choices of mail")

    def __str__(self) -> str:
        return f"{self.user_id} {self.when}"
