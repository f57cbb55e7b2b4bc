import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """A notice to admins, open as long as its cause lasts.

    Only `accounts.notices` writes it. There is at most one open notice for a kind and a cause.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    # The name of a kind that is declared in code.
    kind = models.CharField(_("kind"), max_length=40)
    # What the notice is about, for example a queue or the identifier of a key.
    cause = models.CharField(_("cause"), max_length=200)
    # What fills the texts of the kind: texts and whole numbers, no secrets.
    facts = models.JSONField(_("facts"), default=dict)
    raised_at = models.DateTimeField(_("raised"))
    seen_at = models.DateTimeField(_("last found"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, db_index=True)
    # Muted for all admins, until that time or, without one, until it ends.
    muted_at = models.DateTimeField(_("muted"), null=True, blank=True)
    muted_until = models.DateTimeField(_("muted until"), null=True, blank=True)
    muted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("muted by"),
    )

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-raised_at", "-id"]
        indexes = [models.Index(fields=["-raised_at", "-id"], name="notice_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "cause"],
                condition=Q(ended_at__isnull=True),
                name="notice_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.cause}"


class NoticeReading(models.Model):
    """Says that a person has read a notice."""

    notice = models.ForeignKey(
        Notice, models.CASCADE, related_name="readings", verbose_name=_("notice")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )

    class Meta:
        verbose_name = _("reading of a notice")
        verbose_name_plural = _("readings of notices")
        constraints = [
            models.UniqueConstraint(fields=["notice", "user"], name="notice_reading_once")
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} {self.user_id}"


class NoticeMute(models.Model):
    """Says that a person gets no mail for a kind of notice, and no count of it in the header."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=40)

    class Meta:
        verbose_name = _("muted kind of notices")
        verbose_name_plural = _("muted kinds of notices")
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="notice_mute_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"
