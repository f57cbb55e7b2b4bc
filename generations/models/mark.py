"""What people note on images: stars and ratings of their own, and tags of the team."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from generations.models.image import Image

MOST_STARS = 5


class Mark(models.Model):
    """A person's own star and rating of an image. A rating of 0 stands for none."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="marks", verbose_name=_("person")
    )
    image = models.ForeignKey(
        Image, models.CASCADE, related_name="marks", verbose_name=_("image"), db_index=False
    )
    is_starred = models.BooleanField(_("starred"), default=False)
    rating = models.PositiveSmallIntegerField(_("rating"), default=0)

    class Meta:
        verbose_name = _("mark")
        verbose_name_plural = _("marks")
        constraints = [
            models.UniqueConstraint(fields=["image", "user"], name="mark_once_per_person"),
            models.CheckConstraint(condition=Q(rating__lte=MOST_STARS), name="mark_rating_to_five"),
        ]
        indexes = [
            models.Index(
                fields=["user", "-image"], condition=Q(is_starred=True), name="mark_starred"
            ),
            models.Index(fields=["user", "-image"], condition=Q(rating__gt=0), name="mark_rated"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.image_id}"


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(team_id=user.team_id)


class Tag(models.Model):
    """A word by which a team finds images again."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.PROTECT, related_name="tags", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=40)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = TagQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("team", Lower("name"), name="tag_name_unique_in_team")
        ]

    def __str__(self) -> str:
        return self.name


class TagOfImage(models.Model):
    """An image that has a tag."""

    tag = models.ForeignKey(
        Tag, models.CASCADE, related_name="of_images", verbose_name=_("tag"), db_index=False
    )
    image = models.ForeignKey(Image, models.CASCADE, related_name="tags", verbose_name=_("image"))

    class Meta:
        verbose_name = _("tag of an image")
        verbose_name_plural = _("tags of images")
        constraints = [models.UniqueConstraint(fields=["tag", "image"], name="tag_once_per_image")]

    def __str__(self) -> str:
        return f"{self.tag_id}: {self.image_id}"
