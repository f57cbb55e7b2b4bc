import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from generations.models.generation import Delivery, Generation
from generations.models.run import Run

# Of a SHA-256, which tells policies apart.
DIGEST_LENGTH = 16
# How long a hidden image can be restored.
DAYS_IN_BIN = 30


class SourceType(models.TextChoices):
    """How an image was made, as `labelling.types.Source` names it."""

    GENERATED = "generated", _("generated")
    COMPOSITE = "composite", _("made from somebody's photograph")
    ENHANCED = "enhanced", _("enhanced")


class ImageQuerySet(models.QuerySet["Image"]):
    def visible_to(self, user: User) -> Self:
        """The team's images that `user` may see, without hidden ones."""
        return self.filter(team_id=user.team_id, hidden_at__isnull=True)

    def erased_of(self, user: User) -> Self:
        """The images of the user's team whose files were erased."""
        return self.filter(team_id=user.team_id, erased_at__isnull=False)

    def of_runs(self, runs: Sequence[int], user: User) -> Self:
        """The images of these runs that `user` may see.

        `team_id + 0` rules out the index of the team: SQLite would read all of the team's images.
        """
        team = models.F("team_id") + 0
        return self.alias(of_team=team).filter(
            run_id__in=runs, of_team=user.team_id, hidden_at__isnull=True
        )

    def newest(self) -> Self:
        return self.order_by("-created_at", "-id")

    def in_bin(self, user: User) -> Self:
        """The team's images that were hidden lately and can be restored."""
        since = timezone.now() - timedelta(days=DAYS_IN_BIN)
        return self.filter(team_id=user.team_id, erased_at__isnull=True, hidden_at__gt=since)

    def with_files_for(self, user: User) -> Self:
        """The images whose labelled files `user` may see: as `visible_to`, and those in the bin."""
        since = timezone.now() - timedelta(days=DAYS_IN_BIN)
        is_shown = models.Q(hidden_at__isnull=True) | models.Q(hidden_at__gt=since)
        return self.filter(is_shown, team_id=user.team_id, erased_at__isnull=True)

    def among(self, keys: Sequence[int], user: User) -> Self:
        """Those images with these keys that belong to the user's team, hidden ones as well.

        `team_id + 0` as in `of_runs`.
        """
        return self.alias(of_team=models.F("team_id") + 0).filter(
            pk__in=keys, of_team=user.team_id, erased_at__isnull=True
        )


class Image(models.Model):
    """One image that was delivered, labelled and stored. Its original is never changed."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    run = models.ForeignKey(Run, models.PROTECT, related_name="images", verbose_name=_("run"))
    # A copy of the run's team, so that one index serves a team's gallery on every page.
    team = models.ForeignKey(Team, models.PROTECT, related_name="images", verbose_name=_("team"))
    generation = models.ForeignKey(
        Generation, models.PROTECT, related_name="images", verbose_name=_("generation")
    )
    delivery = models.OneToOneField(
        Delivery, models.PROTECT, related_name="image", verbose_name=_("delivery")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    format = models.CharField(_("format"), max_length=8)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    bytes = models.PositiveIntegerField(_("bytes"))
    original_name = models.CharField(_("original"), max_length=200)
    original_sha256 = models.CharField(_("SHA-256 of the original"), max_length=64, db_index=True)
    source_type = models.CharField(
        _("source type"),
        max_length=12,
        choices=SourceType.choices,
        default=SourceType.GENERATED,
        help_text=_("What its label says of how it was made."),
    )
    # What the original said of itself when it arrived: see `labelling.layers`.
    arrived_with = models.JSONField(_("marks of the original"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # When its labelled file was first downloaded, alone or in a ZIP.
    downloaded_at = models.DateTimeField(_("downloaded"), null=True, blank=True)
    # When somebody put it into the bin, or its files were erased.
    hidden_at = models.DateTimeField(_("hidden"), null=True, blank=True)
    # When its files were erased. The row stays, as a tombstone, and is hidden.
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering = ["position", "id"]
        permissions = [("download_original", _("Can download originals without a label"))]
        indexes = [
            models.Index(
                fields=["team", "-created_at", "-id"],
                condition=models.Q(hidden_at__isnull=True),
                name="image_newest_of_team",
            ),
            models.Index(
                fields=["team", "-hidden_at", "-id"],
                condition=models.Q(hidden_at__isnull=False, erased_at__isnull=True),
                name="image_in_bin_of_team",
            ),
            # For what is erased by age.
            models.Index(
                fields=["created_at"],
                condition=models.Q(erased_at__isnull=True),
                name="image_oldest_with_files",
            ),
            # Erased, and its files are still to be deleted.
            models.Index(
                fields=["erased_at"],
                condition=models.Q(erased_at__isnull=False) & ~models.Q(original_name=""),
                name="image_files_left",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def author_id(self) -> int:
        """The key of the person who wrote its prompt."""
        return self.run.user_id


class Rendition(models.Model):
    """One labelled file of an image: what people see and download."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    image = models.ForeignKey(
        Image, models.PROTECT, related_name="renditions", verbose_name=_("image")
    )
    recipe = models.CharField(_("recipe"), max_length=40)
    name = models.CharField(_("stored as"), max_length=200)
    format = models.CharField(_("format"), max_length=8)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    bytes = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    label_version = models.PositiveSmallIntegerField(_("version of the label"))
    preset = models.CharField(_("badge"), max_length=20, blank=True)
    preset_version = models.PositiveSmallIntegerField(
        _("version of the badge"), null=True, blank=True
    )
    # What was drawn: text, corner, size, icon, place, contrast. Empty for files of older versions.
    badge = models.JSONField(_("badge as drawn"), default=dict, blank=True)
    capitals = models.PositiveSmallIntegerField(
        _("height of the badge's capitals"), null=True, blank=True, help_text=_("In pixels.")
    )
    mark_key = models.PositiveSmallIntegerField(
        _("key of the imperceptible mark"), null=True, blank=True, help_text=_("Empty: no mark.")
    )
    certificate = models.CharField(
        _("signing certificate"),
        max_length=64,
        blank=True,
        help_text=_("Its SHA-256. Empty: the file is not signed."),
    )
    is_stamped = models.BooleanField(
        _("signature with a time stamp"),
        null=True,
        blank=True,
        help_text=_("Unknown: none was asked for."),
    )
    policy = models.CharField(
        _("policy of its label"),
        max_length=DIGEST_LENGTH,
        blank=True,
        help_text=_("A digest of the choices by which it was labelled. Empty: not known."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("rendition")
        verbose_name_plural = _("renditions")
        constraints = [
            models.UniqueConstraint(fields=["image", "recipe"], name="rendition_once_per_recipe")
        ]

    def __str__(self) -> str:
        return f"{self.image_id}/{self.recipe}"


class FormerRendition(models.Model):
    """A labelled file that was replaced by another one. Its address leads to the other one.

    `is_stored` says that its file is still to be deleted.
    """

    uuid = models.UUIDField(_("identifier"), unique=True, editable=False)
    image = models.ForeignKey(
        Image, models.PROTECT, related_name="former_renditions", verbose_name=_("image")
    )
    recipe = models.CharField(_("recipe"), max_length=40)
    name = models.CharField(_("stored as"), max_length=200)
    format = models.CharField(_("format"), max_length=8)
    bytes = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    label_version = models.PositiveSmallIntegerField(_("version of the label"))
    mark_key = models.PositiveSmallIntegerField(
        _("key of the imperceptible mark"), null=True, blank=True
    )
    certificate = models.CharField(_("signing certificate"), max_length=64, blank=True)
    is_stamped = models.BooleanField(_("signature with a time stamp"), null=True, blank=True)
    made_at = models.DateTimeField(_("created"))
    replaced_at = models.DateTimeField(_("replaced"), auto_now_add=True)
    is_stored = models.BooleanField(_("file in storage"), default=True)

    class Meta:
        verbose_name = _("former rendition")
        verbose_name_plural = _("former renditions")
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(is_stored=True), name="former_rendition_stored"
            )
        ]

    def __str__(self) -> str:
        return f"{self.image_id}/{self.recipe}, until {self.replaced_at}"
