import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.models import Team, User


class ExportQuerySet(models.QuerySet["Export"]):
    def visible_to(self, user: User) -> Self:
        """The exports that `user` asked for, as long as they may still see what is in them.

        An export holds what the team's reviewers saw, or the whole log.
        """
        own = self.filter(user=user, team_id=user.team_id)
        return own if audit.reads_whole_log(user) else own.filter(of_whole_log=False)


class Export(models.Model):
    """A file that a person asked for and a worker makes; its kind says what it holds.

    Kinds are in `generations.exports`. The file is deleted when it has expired.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAKING = "making", _("Being made")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        DELETED = "deleted", _("Deleted")
        EXPIRED = "expired", _("Expired")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="exports", verbose_name=_("person")
    )
    team = models.ForeignKey(
        Team, models.PROTECT, related_name="exports", verbose_name=_("team at that time")
    )
    # Whether the person could read the whole log when they asked.
    of_whole_log = models.BooleanField(_("of the whole log"), default=False)
    kind = models.CharField(_("kind"), max_length=20)
    format = models.CharField(_("format"), max_length=20)
    # What the kind needs to know: filters, options.
    options = models.JSONField(_("options"), default=dict)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    # How far it is, in what the kind counts. The total is null until it is known.
    done = models.PositiveBigIntegerField(_("done"), default=0)
    total = models.PositiveBigIntegerField(_("of"), null=True, blank=True)
    # Why it failed, as a sentence for people.
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    # Of the finished file.
    bytes = models.PositiveBigIntegerField(_("bytes"), default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    facts = models.JSONField(_("what it holds"), default=dict, blank=True)
    # Whether storage may hold a file of it.
    is_stored = models.BooleanField(_("file in storage"), default=False)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    claimed_by = models.CharField(_("claimed by"), max_length=100, blank=True)
    # When a worker may begin; while it is made, when it last got on.
    next_action_at = models.DateTimeField(_("next action"), null=True, blank=True)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    made_at = models.DateTimeField(_("made"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="export_by_person"),
            models.Index(
                fields=["state", "next_action_at"],
                condition=models.Q(state__in=("waiting", "making")),
                name="export_open",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state="ready"),
                name="export_expiry",
            ),
            models.Index(
                fields=["state"], condition=models.Q(is_stored=True), name="export_stored"
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


OPEN = (Export.State.WAITING, Export.State.MAKING)
ENDED = (Export.State.FAILED, Export.State.DELETED, Export.State.EXPIRED)
