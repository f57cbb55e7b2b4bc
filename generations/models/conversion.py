import uuid
from typing import Self

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from generations.models.image import DIGEST_LENGTH, Image


class ConversionQuerySet(models.QuerySet["Conversion"]):
    def visible_to(self, user: User) -> Self:
        """Those of images that `user` may see."""
        return self.filter(image__in=Image.objects.visible_to(user))


class Conversion(models.Model):
    """A labelled file of an image in another size or format, made when somebody asks for it.

    Its file is deleted when nobody has asked for it for some days, when the image gets new labels,
    and with the image. The row stays, so that the file is still recognised.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("being made")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")
        DELETED = "deleted", _("deleted")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    image = models.ForeignKey(
        Image, models.PROTECT, related_name="conversions", verbose_name=_("image")
    )
    # The size and the format, such as 2048-webp.
    recipe = models.CharField(_("recipe"), max_length=20)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    claimed_by = models.CharField(_("claimed by"), max_length=100, blank=True)
    # When a worker may begin; once one has, when another may.
    next_action_at = models.DateTimeField(_("next action"))
    # Whether storage may hold a file of it.
    is_stored = models.BooleanField(_("file in storage"), default=False)
    name = models.CharField(_("stored as"), max_length=200, blank=True)
    format = models.CharField(_("format"), max_length=8)
    width = models.PositiveIntegerField(_("width"), default=0)
    height = models.PositiveIntegerField(_("height"), default=0)
    bytes = models.PositiveIntegerField(_("bytes"), default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    label_version = models.PositiveSmallIntegerField(_("version of the label"), default=0)
    policy = models.CharField(_("policy of its label"), max_length=DIGEST_LENGTH, blank=True)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    made_at = models.DateTimeField(_("made"), null=True, blank=True)
    # When its file is to be deleted, or was.
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    objects = ConversionQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversion")
        verbose_name_plural = _("conversions")
        constraints = [
            models.UniqueConstraint(
                fields=["image", "recipe"],
                condition=models.Q(state__in=("waiting", "ready")),
                name="conversion_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["next_action_at"],
                condition=models.Q(state="waiting"),
                name="conversion_due",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(is_stored=True),
                name="conversion_stored",
            ),
            models.Index(
                fields=["sha256"],
                condition=~models.Q(sha256=""),
                name="conversion_by_content",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.image_id}/{self.recipe}"

    def get_absolute_url(self) -> str:
        return reverse("conversion", args=[self.uuid])
