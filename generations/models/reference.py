import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import stored_texts
from accounts.models import Team, User
from generations.imaging import decoding, references
from generations.models.run import Run

LONGEST_LICENCE = 300
LONGEST_FILE_NAME = 200
# The sentences with values that `Reference.problem` may hold.
for sentence in (decoding.TOO_MANY_PIXELS, references.TOO_FEW_PIXELS, references.TOO_NARROW):
    stored_texts.pattern(sentence)


class ReferenceQuerySet(models.QuerySet["Reference"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(team_id=user.team_id)

    def cleaned_from(self, upload_sha256: str) -> Self:
        """Usable references that were cleaned from an upload with exactly these bytes."""
        return self.filter(upload_sha256=upload_sha256, status=Reference.Status.READY)

    def waiting_for(self, owner: User) -> Self:
        """The uploads of `owner` that no run has used yet, with those that were removed again."""
        return self.filter(owner=owner, kept_until__isnull=False)


class Reference(models.Model):
    """An image given to an engine: an upload, cleaned of metadata, or one of the team's images.

    A worker cleans uploads. Until then `name` and `sha256` are empty, and format, width and height
    are what the file's header claims. An upload is stored as soon as somebody chooses the file;
    until the rights to it are declared, `rights` is empty and no run can use it.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("to be cleaned")
        READY = "ready", _("ready")
        REFUSED = "refused", _("unusable")

    class Rights(models.TextChoices):
        """What the person who uploads it says of our rights to it. Nothing is assumed."""

        OWN = "own", _("We own it")
        LICENSED = "licensed", _("We have a licence for it")
        CLIENT = "client", _("Our client owns it")
        PUBLIC = "public", _("It is in the public domain")
        UNSURE = "unsure", _("We are not sure")
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
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.READY)
    name = models.CharField(_("stored as"), max_length=200, blank=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    upload_sha256 = models.CharField(_("SHA-256 of the upload"), max_length=64, blank=True)
    format = models.CharField(_("format"), max_length=8)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    rights = models.CharField(_("declared rights"), max_length=10, choices=Rights, blank=True)
    # Which licence, as the person put it; only for `Rights.LICENSED`.
    licence = models.CharField(_("licence"), max_length=LONGEST_LICENCE, blank=True, db_default="")
    # The name of the file on the person's computer; empty for images of the studio.
    file_name = models.CharField(
        _("file name"), max_length=LONGEST_FILE_NAME, blank=True, db_default=""
    )
    # Until when an upload that no run uses is kept. Null once a run uses it.
    kept_until = models.DateTimeField(_("kept until"), null=True, blank=True)
    # Why it can't be used, as a sentence for people.
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    claimed_by = models.CharField(_("claimed by"), max_length=100, blank=True)
    next_action_at = models.DateTimeField(_("next action"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # When its file was erased. It is then refused.
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)

    objects = ReferenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("reference")
        verbose_name_plural = _("references")
        indexes = [
            models.Index(fields=["team", "sha256"], name="reference_by_content"),
            models.Index(
                fields=["upload_sha256"],
                condition=~models.Q(upload_sha256=""),
                name="reference_by_upload",
            ),
            models.Index(
                fields=["next_action_at"],
                condition=models.Q(status="pending"),
                name="reference_due",
            ),
            # For what was made with an image.
            models.Index(
                fields=["image", "-id"],
                condition=models.Q(image__isnull=False),
                name="reference_by_image",
            ),
            # For the library: what runs have used and was not erased.
            models.Index(
                fields=["team", "-created_at", "-id"],
                condition=models.Q(kept_until__isnull=True, erased_at__isnull=True),
                name="reference_newest_of_team",
            ),
            models.Index(
                fields=["team", "owner", "-created_at", "-id"],
                condition=models.Q(kept_until__isnull=True, erased_at__isnull=True),
                name="reference_newest_of_person",
            ),
            models.Index(
                fields=["kept_until"],
                condition=models.Q(kept_until__isnull=False),
                name="reference_unused",
            ),
            models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=models.Q(kept_until__isnull=False),
                name="reference_waits_for_owner",
            ),
            # For what is erased by age.
            models.Index(
                fields=["created_at"],
                condition=models.Q(erased_at__isnull=True, image__isnull=True),
                name="upload_oldest",
            ),
            # Erased, and its file is still to be deleted.
            models.Index(
                fields=["erased_at"],
                condition=models.Q(erased_at__isnull=False) & ~models.Q(name=""),
                name="reference_file_left",
            ),
        ]
        constraints = [
            # So that the same file, sent twice at once, is one upload.
            models.UniqueConstraint(
                fields=["owner", "upload_sha256"],
                condition=models.Q(kept_until__isnull=False) & ~models.Q(upload_sha256=""),
                name="reference_waits_once",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def cleaned(self) -> dict[str, Any]:
        """The columns of the cleaned file, for another reference to the same file."""
        names = ("name", "sha256", "format", "width", "height")
        return {name: getattr(self, name) for name in names}

    @property
    def is_ready(self) -> bool:
        """Whether there is a cleaned file, which may be shown and sent."""
        return self.status == Reference.Status.READY

    @property
    def lacks_rights(self) -> bool:
        """Whether nobody has declared the rights to this upload yet."""
        return not self.rights


class RunReference(models.Model):
    """A reference of a run, with its position and how often a provider fetched its link."""

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
