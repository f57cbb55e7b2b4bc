"""Orders to make labelled files again."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class RelabellingQuerySet(models.QuerySet["Relabelling"]):
    def unfinished(self) -> Self:
        return self.filter(status=Relabelling.Status.WORKING)


class Relabelling(models.Model):
    """One order to make the labelled files of images again: of which, why, and how far it is.

    `subject` is the identifier of the image, campaign or team; of the studio for all images.
    `generations.relabelling` and the worker's step are the only writers.
    """

    class Scope(models.TextChoices):
        ALL = "all", _("All images")
        TEAM = "team", _("Team")
        CAMPAIGN = "campaign", _("Campaign")
        IMAGE = "image", _("Image")

    class Only(models.TextChoices):
        EVERY = "", _("All of them")
        OLD = "old", _("Labelled by an older version of the studio")
        POLICY = "policy", _("Labelled by another policy than that of today")
        UNSIGNED = "unsigned", _("Without a signature")
        UNSTAMPED = "unstamped", _("With a signature that lacks its time stamp")
        UNMARKED = "unmarked", _("Without an imperceptible mark")
        UNSEEN = "unseen", _("Whose original nobody has looked at for marks of its provider")
        CERTIFICATE = "certificate", _("Signed with the given certificate")

    class Why(models.TextChoices):
        ASKED = "asked", _("asked for")
        DAMAGED = "damaged", _("a file was changed in storage")
        LOST = "lost", _("a file was lost from storage")

    class Status(models.TextChoices):
        WORKING = "working", _("at work")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    scope = models.CharField(_("kind"), max_length=8, choices=Scope)
    subject = models.UUIDField(_("identifier of what it is about"))
    only = models.CharField(_("only those"), max_length=12, choices=Only, blank=True)
    certificate = models.CharField(
        _("certificate"), max_length=64, blank=True, help_text=_("Its SHA-256.")
    )
    why = models.CharField(_("why"), max_length=8, choices=Why, default=Why.ASKED)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    status = models.CharField(_("state"), max_length=8, choices=Status, default=Status.WORKING)
    # The keys of the newest image that belongs to it, and of the last one worked on.
    newest = models.PositiveBigIntegerField(default=0)
    position = models.PositiveBigIntegerField(default=0)
    # The image in hand, whose files a worker may be writing.
    image = models.ForeignKey(
        "generations.Image", models.PROTECT, null=True, blank=True, related_name="+"
    )
    total = models.PositiveIntegerField(
        _("images"), default=0, help_text=_("Counted when it was asked for.")
    )
    done = models.PositiveIntegerField(_("labelled again"), default=0)
    unchanged = models.PositiveIntegerField(
        _("unchanged"), default=0, help_text=_("The new files were the same as the old ones.")
    )
    left_out = models.PositiveIntegerField(_("left out"), default=0)
    # The first of those that were left out, as pairs of identifier and reason.
    left = models.JSONField(_("which were left out, and why"), default=list, blank=True)
    # A code of `generations.relabelling.troubles`, empty while it moves.
    trouble = models.CharField(_("trouble"), max_length=40, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    claimed_by = models.CharField(_("claimed by"), max_length=100, blank=True)
    next_action_at = models.DateTimeField(_("next action"))
    # When it last came further.
    moved_at = models.DateTimeField(_("last progress"), auto_now_add=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    objects = RelabellingQuerySet.as_manager()

    class Meta:
        verbose_name = _("relabelling")
        verbose_name_plural = _("relabellings")
        permissions = [("see_label_law", "Can see which laws labels answer")]
        indexes = [
            models.Index(
                fields=["next_action_at"], condition=Q(status="working"), name="relabelling_due"
            ),
            models.Index(fields=["subject", "asked_at"], name="relabelling_by_subject"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "only", "certificate"],
                condition=Q(status="working"),
                name="relabelling_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.subject}"
