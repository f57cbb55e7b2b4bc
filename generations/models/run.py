import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, CharField, F, GeneratedField, Q, Value, When
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from generations.models.campaign import Campaign
from generations.models.prompt_index import index_runs
from generations.states import RunStatus

# What stands in the place of a prompt that was erased.
ERASED = "[erased]"


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: User) -> Self:
        """The runs of the user's team. A run keeps the team its author had when it was made."""
        return self.filter(team_id=user.team_id)

    def newest(self) -> Self:
        return self.order_by("-created_at", "-id")


def _status_from_counters() -> Case:
    return Case(
        When(open__gt=0, then=Value(RunStatus.PENDING.value)),
        When(unknown__gt=0, then=Value(RunStatus.UNKNOWN.value)),
        When(delivered__gte=F("wanted"), delivered__gt=0, then=Value(RunStatus.SUCCEEDED.value)),
        When(delivered__gt=0, then=Value(RunStatus.PARTIAL.value)),
        When(cancelled__gt=0, then=Value(RunStatus.CANCELLED.value)),
        default=Value(RunStatus.FAILED.value),
        output_field=CharField(max_length=10),
    )


class Run(models.Model):
    """What one press of the button asked for.

    The counters count images. `open` and `unknown` are images that its generations may still bring.
    The database computes `status` from the counters, so two moves at the same time can't leave it
    out of date.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="runs", verbose_name=_("person")
    )
    team = models.ForeignKey(Team, models.PROTECT, related_name="runs", verbose_name=_("team"))
    campaign = models.ForeignKey(
        Campaign,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="runs",
        verbose_name=_("campaign"),
    )
    # The run whose prompt was reused for this one.
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="children",
        verbose_name=_("made from the run"),
    )
    engine = models.CharField(_("engine"), max_length=100)
    prompt = models.TextField(_("prompt"))
    options = models.JSONField(_("options"), default=dict)
    idempotency_key = models.UUIDField(_("idempotency key"))
    content_digest = models.CharField(_("digest of what was asked"), max_length=64)
    # Equal for runs that bring the same images; empty if the engine does not promise that.
    work_digest = models.CharField(_("digest of the work"), max_length=64, blank=True)
    wanted = models.PositiveSmallIntegerField(_("images wanted"))
    delivered = models.PositiveSmallIntegerField(_("delivered"), default=0)
    open = models.PositiveSmallIntegerField(_("open"), default=0)
    unknown = models.PositiveSmallIntegerField(_("outcome unknown"), default=0)
    cancelled = models.PositiveSmallIntegerField(_("cancelled"), default=0)
    status = GeneratedField(
        expression=_status_from_counters(),
        output_field=CharField(_("status"), max_length=10, choices=RunStatus),
        db_persist=True,
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # When its texts were erased. `prompt` is then `ERASED`.
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="run_newest_of_team"),
            models.Index(fields=["user", "-created_at", "-id"], name="run_newest_of_user"),
            models.Index(fields=["user"], condition=Q(open__gt=0), name="run_pending_of_user"),
            models.Index(
                fields=["parent", "-id"],
                condition=Q(parent__isnull=False),
                name="run_by_parent",
            ),
            models.Index(
                fields=["team", "work_digest"],
                condition=~Q(work_digest=""),
                name="run_same_work_of_team",
            ),
            # For what is erased by age.
            models.Index(
                fields=["created_at"],
                condition=Q(erased_at__isnull=True),
                name="run_oldest_with_text",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="run_once_per_key"),
            models.CheckConstraint(condition=Q(wanted__gte=1), name="run_wants_an_image"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the run. A new one is also added to the search index."""
        is_new = self._state.adding
        with transaction.atomic(savepoint=False):  # as Django's own `save`
            super().save(*args, **kwargs)
            if is_new:
                index_runs([self], are_new=True)

    @property
    def author_id(self) -> int:
        """The key of the person who wrote the prompt."""
        return self.user_id

    @property
    def is_pending(self) -> bool:
        return self.status == RunStatus.PENDING

    @property
    def missing(self) -> int:
        """Images that will not come unless someone tries again."""
        return max(self.wanted - self.delivered - self.open - self.unknown, 0)
