import uuid

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Team


class EngineSetting(models.Model):
    """How admins offer one engine: whether at all, where in the list, to which teams, with a note.

    What an engine can do stands in `providers.registry` and not here. An engine without a row is
    offered to everybody, after those that have one.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    engine = models.CharField(_("engine"), max_length=100, unique=True, editable=False)
    is_on = models.BooleanField(
        _("switched on"),
        default=True,
        help_text=_(
            "Nobody can ask for images of an engine that is off. What is already in line is made."
        ),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Its place in the list: the smallest stands first.")
    )
    name = models.CharField(
        _("name"), max_length=60, blank=True, help_text=_("Empty: the name of the model.")
    )
    note = models.CharField(
        _("note"),
        max_length=200,
        blank=True,
        help_text=_("Shown in the list of engines, for example what it is good for."),
    )
    is_default = models.BooleanField(
        _("default"),
        default=False,
        help_text=_("Chosen for people who have not chosen yet, unless their team has a default."),
    )
    teams = models.ManyToManyField(
        Team,
        blank=True,
        related_name="+",
        verbose_name=_("teams"),
        help_text=_("Who is offered it. Without a choice: every team."),
    )

    class Meta:
        verbose_name = _("engine")
        verbose_name_plural = _("engines")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="engine_setting_one_default",
                violation_error_message=_(
                    "Another engine is the default. Open that one first and end it there."
                ),
            )
        ]

    def __str__(self) -> str:
        return self.engine


class TeamDefault(models.Model):
    """What the composer starts with for members of a team who have not chosen yet."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    team = models.OneToOneField(
        Team, models.CASCADE, related_name="composer_default", verbose_name=_("team")
    )
    engine = models.CharField(_("engine"), max_length=100)
    resolution = models.CharField(
        _("resolution"), max_length=20, blank=True, help_text=_("Empty: the engine's first.")
    )
    aspect_ratio = models.CharField(
        _("format"), max_length=20, blank=True, help_text=_("Empty: the engine's first.")
    )
    num_images = models.PositiveSmallIntegerField(
        _("images"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: four, or as many as the engine makes."),
    )

    class Meta:
        verbose_name = _("team default")
        verbose_name_plural = _("team defaults")
        ordering = ["team__name"]

    def __str__(self) -> str:
        return str(self.team)
