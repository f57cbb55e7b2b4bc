import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from generations.models.price import Price
from generations.models.provider_account import ProviderAccount
from generations.models.run import Run
from generations.states import IN_FLIGHT, OPEN, Status


class GenerationQuerySet(models.QuerySet["Generation"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(run__team_id=user.team_id)

    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def in_flight(self) -> Self:
        return self.filter(status__in=IN_FLIGHT)


class Generation(models.Model):
    """One request to a provider: the row that carries the state machine (`generations.states`).

    Written only by `generations.lifecycle`, but for the facts of a poll.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    run = models.ForeignKey(Run, models.PROTECT, related_name="generations", verbose_name=_("run"))
    provider = models.CharField(_("provider"), max_length=40)
    account = models.ForeignKey(
        ProviderAccount,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="generations",
        verbose_name=_("provider account"),
    )
    price = models.ForeignKey(Price, models.PROTECT, related_name="+", verbose_name=_("price"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    # The first frame of the run that this request fills; its images take the places from here on.
    position = models.PositiveSmallIntegerField(_("position"))
    wanted = models.PositiveSmallIntegerField(_("images wanted"))
    delivered = models.PositiveSmallIntegerField(_("delivered"), default=0)

    # What stands here before the first byte goes out
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    submit_token = models.UUIDField(_("submit token"), null=True, blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=64, blank=True)
    body = models.BinaryField(_("body sent"), null=True, blank=True)
    claimed_by = models.CharField(_("claimed by"), max_length=100, blank=True)

    # What the provider told
    task_id = models.CharField(_("task id"), max_length=600, blank=True)
    task_urls = models.JSONField(_("links of the task"), default=dict, blank=True)
    request_id = models.CharField(_("provider's request id"), max_length=200, blank=True)
    model = models.CharField(_("model returned"), max_length=200, blank=True)
    cost_usd = models.DecimalField(
        _("cost, USD"), max_digits=12, decimal_places=5, null=True, blank=True
    )
    seed = models.BigIntegerField(_("seed"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=40, blank=True)
    error_raw_code = models.CharField(_("provider's error code"), max_length=200, blank=True)
    error_message = models.TextField(_("provider's error text"), blank=True)

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    next_action_at = models.DateTimeField(_("next action"), null=True, blank=True)
    # Set before the first byte of this attempt goes out: empty means surely not sent.
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    # Since when the provider has kept sending it back; the time for new attempts is limited.
    retrying_since = models.DateTimeField(_("trying again since"), null=True, blank=True)
    deadline_at = models.DateTimeField(_("deadline"), null=True, blank=True)
    cancel_asked_at = models.DateTimeField(_("cancel asked"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = GenerationQuerySet.as_manager()

    class Meta:
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        ordering = ["position", "id"]
        indexes = [
            models.Index(
                fields=["status", "next_action_at"],
                condition=Q(status__in=sorted(OPEN)),
                name="generation_due",
            ),
            models.Index(
                fields=["provider", "created_at"],
                condition=Q(status=Status.QUEUED),
                name="generation_line",
            ),
            models.Index(
                fields=["account", "status"],
                condition=Q(status__in=sorted(IN_FLIGHT)),
                name="generation_in_flight",
            ),
            models.Index(fields=["account", "submitted_at"], name="generation_rate"),
            models.Index(fields=["provider", "-ended_at"], name="generation_ended"),
            models.Index(fields=["ended_at"], name="generation_ended_lately"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "task_id"],
                condition=~Q(task_id=""),
                name="generation_task_unique",
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="generation_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.RUNNING) | ~Q(task_id=""),
                name="generation_running_has_task",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.SUBMITTING)
                | (Q(submit_token__isnull=False) & ~Q(claimed_by="")),
                name="generation_submitting_has_claim",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def reserved_credits(self) -> int:
        return self.wanted * self.price.credits


class Delivery(models.Model):
    """One picture named in a provider's answer, until it is an image or is given up.

    Each is fetched and labelled by itself: one that fails takes no other with it. The link stays,
    so that an admin may fetch it again while it lives.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("to be fetched")
        FETCHED = "fetched", _("to be labelled")
        STORED = "stored", _("stored")
        FAILED = "failed", _("failed")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    generation = models.ForeignKey(
        Generation, models.PROTECT, related_name="deliveries", verbose_name=_("generation")
    )
    index = models.PositiveSmallIntegerField(_("place in the answer"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.PENDING)
    url = models.TextField(_("link"), blank=True)
    expires_at = models.DateTimeField(_("link lives until"), null=True, blank=True)
    # The provider's bytes, under a fixed name: the safety copy, and the image's original.
    original_name = models.CharField(_("original"), max_length=200)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    claimed_by = models.CharField(_("claimed by"), max_length=100, blank=True)
    next_action_at = models.DateTimeField(_("next action"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["index"]
        indexes = [
            models.Index(
                fields=["status", "next_action_at"],
                condition=Q(status__in=["pending", "fetched"]),
                name="delivery_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["generation", "index"], name="delivery_index_unique")
        ]

    def __str__(self) -> str:
        return f"{self.generation_id}/{self.index}"
