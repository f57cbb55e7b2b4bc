import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.notice import Notice


class Outlet(models.Model):
    """The address outside the studio to which notices go, such as a channel of a chat; one row.

    The address and the secret are stored encrypted (`accounts.outlets`), because whoever has the
    address may write to the channel.
    """

    ONLY = 1

    class Format(models.TextChoices):
        TEXT = "text", _("Text: Slack, Mattermost, Google Chat and your own programs")
        CARD = "card", _("Card: Microsoft Teams")

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    is_on = models.BooleanField(
        _("on"), default=True, help_text=_("Off: new notices are not sent, and none that wait.")
    )
    format = models.CharField(_("written as"), max_length=8, choices=Format, default=Format.TEXT)
    sealed_address = models.BinaryField(_("address"))
    sealed_secret = models.BinaryField(_("secret"))
    # The names of kinds, so that a kind of a later version is sent until somebody leaves it out.
    left_out = models.JSONField(_("kinds that are not sent"), default=list, blank=True)

    class Meta:
        verbose_name = _("outlet of notices")
        verbose_name_plural = _("outlet of notices")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="outlet_is_only_one")]

    def __str__(self) -> str:
        return str(Outlet._meta.verbose_name)


class Posting(models.Model):
    """One notice on its way to the outlet.

    It is claimed by moving `next_try_at` into the future, so a claim of a dead worker ends by
    itself.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        GIVEN_UP = "given_up", _("given up")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    notice = models.ForeignKey(
        Notice, models.CASCADE, related_name="postings", verbose_name=_("notice")
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    # A code of `generations.postings.troubles`.
    trouble = models.CharField(_("last trouble"), max_length=40, blank=True)
    made_at = models.DateTimeField(_("made"), default=timezone.now)
    next_try_at = models.DateTimeField(_("next try"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("notice on its way to the outlet")
        verbose_name_plural = _("notices on their way to the outlet")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["next_try_at"], condition=Q(state="waiting"), name="posting_to_send"
            ),
            models.Index(fields=["state", "-id"], name="posting_by_state"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)
