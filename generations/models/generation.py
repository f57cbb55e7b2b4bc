import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from generations.models.money import BudgetMonth, to_micros
from generations.models.price import Price
from generations.models.provider_account import ProviderAccount
from generations.models.run import Run
from generations.states import ENDED_BADLY, IN_FLIGHT, OPEN, Status

# Sent before, and waiting again. It may be bound to a key, and may not be due yet.
SENT_BEFORE = Q(next_action_at__isnull=False) | ~Q(idempotency_key="")
# Never sent, and ready to be sent.
UNSENT = Q(preparing_since__isnull=True, next_action_at__isnull=True, idempotency_key="")


class GenerationQuerySet(models.QuerySet["Generation"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(run__team_id=user.team_id)

    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def in_flight(self) -> Self:
        return self.filter(status__in=sorted(IN_FLIGHT))


class Generation(models.Model):
    """One request to a provider, with its status in the state machine (`generations.states`).

    Only `generations.jobs.lifecycle` writes it, except for facts from polls and the state of its
    references.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    run = models.ForeignKey(Run, models.PROTECT, related_name="generations", verbose_name=_("run"))
    # A copy of the run's person, so that an index can order a provider's line by person. Empty in
    # rows that ended before this column existed.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("person"),
    )
    provider = models.CharField(_("provider"), max_length=40)
    account = models.ForeignKey(
        ProviderAccount,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="generations",
        db_index=False,
        verbose_name=_("provider account"),
    )
    price = models.ForeignKey(Price, models.PROTECT, related_name="+", verbose_name=_("price"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    # The first position of the run that this request fills; its images take consecutive ones from
    # here.
    position = models.PositiveSmallIntegerField(_("position"))
    wanted = models.PositiveSmallIntegerField(_("images wanted"))
    delivered = models.PositiveSmallIntegerField(_("images delivered"), default=0)
    references = models.PositiveSmallIntegerField(
        _("references"),
        default=0,
        db_default=0,
        help_text=_(
            "How many references each of its images is made from; the price depends on it."
        ),
    )
    # The months of budgets in which its cost is reserved or spent, and for how many images it was
    # settled there. Empty without a budget; `charged` also until it has ended.
    team_budget = models.ForeignKey(
        BudgetMonth, models.PROTECT, null=True, related_name="+", db_index=False, editable=False
    )
    studio_budget = models.ForeignKey(
        BudgetMonth, models.PROTECT, null=True, related_name="+", db_index=False, editable=False
    )
    charged = models.PositiveSmallIntegerField(null=True, editable=False)

    # Written before the first byte is sent
    attempt = models.PositiveSmallIntegerField(
        _("attempt"),
        default=0,
        help_text=_("How many times it was taken from the line to be sent."),
    )
    submit_token = models.UUIDField(_("submit token"), null=True, blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=64, blank=True)
    body = models.BinaryField(_("body sent"), null=True, blank=True)
    claimed_by = models.CharField(_("claimed by"), max_length=100, blank=True)

    # What the provider reported
    task_id = models.CharField(_("task id"), max_length=600, blank=True)
    task_urls = models.JSONField(_("links of the task"), default=dict, blank=True)
    request_id = models.CharField(_("provider's request id"), max_length=200, blank=True)
    # Polls that moved nothing. They have no record of their own: a thousand tasks would write
    # hundreds each second.
    polls = models.PositiveIntegerField(_("polls"), default=0, db_default=0)
    model = models.CharField(_("model returned"), max_length=200, blank=True)
    cost_usd = models.DecimalField(
        _("cost, USD"),
        max_digits=12,
        decimal_places=5,
        null=True,
        blank=True,
        help_text=_("As the provider says, or else by the price of what was delivered."),
    )
    seed = models.BigIntegerField(_("seed"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=40, blank=True)
    error_raw_code = models.CharField(_("provider's error code"), max_length=200, blank=True)
    error_message = models.TextField(_("provider's error text"), blank=True)

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # The day of its reservation in the team's time zone, for which it counts in `UsageDay`. Empty
    # in rows of before; they count for the day in the time zone that the team has now.
    day = models.DateField(_("day"), null=True, blank=True)
    next_action_at = models.DateTimeField(_("next action"), null=True, blank=True)
    # Since when it has waited for its run's references to be cleaned; empty when it may be sent.
    preparing_since = models.DateTimeField(_("references awaited since"), null=True, blank=True)
    # Written before the first byte of this attempt is sent: if it is empty, nothing was sent.
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    # Since when the provider has refused each attempt for now; the time for new attempts is
    # limited.
    retrying_since = models.DateTimeField(_("trying again since"), null=True, blank=True)
    deadline_at = models.DateTimeField(_("deadline"), null=True, blank=True)
    cancel_asked_at = models.DateTimeField(_("cancel asked"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # When its outcome was first lost; after UNKNOWN_RELEASE_HOURS its credits are released.
    unknown_at = models.DateTimeField(_("unknown since"), null=True, blank=True)
    # Failed, but the provider may have made the images: they are accepted until this time.
    may_arrive_until = models.DateTimeField(_("may arrive until"), null=True, blank=True)
    # It continued after its credits were settled, so what it delivers is not charged.
    came_late = models.BooleanField(_("came late"), default=False)

    objects = GenerationQuerySet.as_manager()

    class Meta:
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        ordering = ["position", "id"]
        indexes = [
            models.Index(fields=["day"], name="generation_by_day"),
            models.Index(
                fields=["team_budget"],
                condition=Q(team_budget__isnull=False),
                name="generation_by_team_budget",
            ),
            models.Index(
                fields=["studio_budget"],
                condition=Q(studio_budget__isnull=False),
                name="generation_by_studio_budget",
            ),
            # One index for each status: for `status = x`, SQLite does not use an index whose
            # condition is a list of statuses.
            models.Index(
                fields=["account"],
                condition=Q(status=Status.SUBMITTING),
                name="generation_submitting",
            ),
            models.Index(
                fields=["next_action_at"],
                condition=Q(status=Status.RUNNING),
                name="generation_running",
            ),
            models.Index(
                fields=["account"],
                condition=Q(status=Status.RUNNING),
                name="generation_running_by_account",
            ),
            models.Index(
                fields=["next_action_at"],
                condition=Q(status=Status.STORING),
                name="generation_storing",
            ),
            models.Index(
                fields=["provider", "created_at", "position", "id"],
                condition=Q(status=Status.QUEUED),
                name="generation_line",
            ),
            models.Index(
                fields=["provider", "user", "price", "created_at", "position", "id"],
                condition=Q(status=Status.QUEUED) & UNSENT,
                name="generation_unsent",
            ),
            models.Index(
                fields=["provider", "next_action_at"],
                condition=Q(status=Status.QUEUED) & SENT_BEFORE,
                name="generation_sent_before",
            ),
            models.Index(
                fields=["next_action_at"],
                condition=Q(status=Status.QUEUED, next_action_at__isnull=False),
                name="generation_came_back",
            ),
            models.Index(
                fields=["user"], condition=Q(status=Status.QUEUED), name="generation_queued_by_user"
            ),
            models.Index(
                fields=["user", "ended_at"],
                condition=Q(user__isnull=False, ended_at__isnull=False),
                name="generation_ended_by_user",
            ),
            models.Index(
                fields=["price", "created_at"],
                condition=Q(status=Status.QUEUED),
                name="generation_queued_by_price",
            ),
            models.Index(
                fields=["run"],
                condition=Q(status=Status.QUEUED, preparing_since__isnull=False),
                name="generation_preparing",
            ),
            models.Index(
                fields=["provider", "user"],
                condition=Q(status__in=sorted(IN_FLIGHT)),
                name="generation_in_flight_by_user",
            ),
            models.Index(fields=["account", "submitted_at"], name="generation_rate"),
            models.Index(fields=["provider", "-ended_at"], name="generation_ended"),
            models.Index(fields=["ended_at"], name="generation_ended_lately"),
            models.Index(
                fields=["account", "ended_at"],
                condition=Q(status=Status.SUCCEEDED, ended_at__isnull=False),
                name="generation_succeeded",
            ),
            # For the admin's list, which is ordered by primary key.
            models.Index(fields=["account", "-id"], name="generation_by_account"),
            models.Index(
                fields=["status", "-id"],
                condition=Q(status__in=sorted(ENDED_BADLY)),
                name="generation_ended_badly",
            ),
            models.Index(
                fields=["error_code", "-id"],
                condition=~Q(error_code=""),
                name="generation_by_error",
            ),
            models.Index(
                fields=["error_code", "status", "-id"],
                condition=~Q(error_code=""),
                name="generation_by_error_and_status",
            ),
            models.Index(
                fields=["request_id"],
                condition=~Q(request_id=""),
                name="generation_by_request",
            ),
            models.Index(
                fields=["unknown_at"],
                condition=Q(status=Status.UNKNOWN),
                name="generation_unknown",
            ),
            models.Index(
                fields=["may_arrive_until"],
                condition=Q(may_arrive_until__isnull=False),
                name="generation_may_arrive",
            ),
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
    def team(self) -> Team:
        """The team of its run."""
        return self.run.team

    @property
    def image_credits(self) -> int:
        """Credits for one of its images, references included."""
        return self.price.credits_of_image(self.references)

    @property
    def image_micros(self) -> int:
        """What one of its images costs by the price book, in millionths of a US dollar."""
        return to_micros(self.price.usd_of_image(self.references))

    @property
    def reserved_credits(self) -> int:
        return self.wanted * self.image_credits


class Delivery(models.Model):
    """One image named in a provider's answer, until it is stored or given up.

    Each delivery is fetched and labelled separately, so a failed one does not affect the others.
    The link is kept, so that an admin may fetch the image again before the link expires.
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
    # The provider's bytes, under a fixed name: first a safety copy, later the image's original.
    original_name = models.CharField(_("original"), max_length=200)
    # `tries` counts faults of the provider or the image; `accidents` counts trouble of the studio
    # itself, for example a full disk.
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    accidents = models.PositiveSmallIntegerField(_("accidents"), default=0)
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
                fields=["next_action_at", "id"],
                condition=Q(status="pending"),
                name="delivery_to_fetch",
            ),
            models.Index(
                fields=["next_action_at", "id"],
                condition=Q(status="fetched"),
                name="delivery_to_label",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["generation", "index"], name="delivery_index_unique")
        ]

    def __str__(self) -> str:
        return f"{self.generation_id}/{self.index}"
