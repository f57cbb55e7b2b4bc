import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from generations.models.run import Run


class ReferenceQuerySet(models.QuerySet["Reference"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(team_id=user.team_id)


class Reference(models.Model):
    """A picture given to the model: an upload, cleaned of metadata, or one of our own images."""

    class Rights(models.TextChoices):
        OWN = "own", _("We own it")
        LICENSED = "licensed", _("We have a licence for it")
        GENERATED = "generated", _("Made in this studio")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="references", verbose_name=_("owner")
    )
    team = models.ForeignKey(
        Team, models.PROTECT, related_name="references", verbose_name=_("team")
    )
    image = models.ForeignKey(
        "generations.Image",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="used_as_references",
        verbose_name=_("image of ours"),
    )
    name = models.CharField(_("stored as"), max_length=200)
    sha256 = models.CharField("SHA-256", max_length=64)
    format = models.CharField(_("format"), max_length=8)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    rights = models.CharField(
        _("declared rights"), max_length=10, choices=Rights, default=Rights.OWN
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = ReferenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("reference")
        verbose_name_plural = _("references")
        indexes = [models.Index(fields=["team", "sha256"], name="reference_by_content")]

    def __str__(self) -> str:
        return str(self.uuid)


class RunReference(models.Model):
    """A reference in a run, with its place and how often a provider fetched its link."""

    run = models.ForeignKey(
        Run, models.PROTECT, related_name="run_references", verbose_name=_("run")
    )
    reference = models.ForeignKey(
        Reference, models.PROTECT, related_name="+", verbose_name=_("reference")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    fetches = models.PositiveIntegerField(_("fetched"), default=0)

    class Meta:
        verbose_name = _("reference of a run")
        verbose_name_plural = _("references of runs")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "position"], name="run_reference_position_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.position}"
