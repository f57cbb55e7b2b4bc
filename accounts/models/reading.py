import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.record import Record


class Reading(models.Model):
    """Somebody has read prompts of somebody else: a row for the page where authors see it.

    The evidence is `record`. A row with a `day` stands for all that a person has seen of an author
    on that kind of page and day; one without stands for a single act.
    """

    class Page(models.TextChoices):
        TEAM = "team", _("The studio or the gallery")
        LOG = "log", _("The log")
        STORY = "story", _("The whole story of a run")
        ORIGINAL = "original", _("An original without a label")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    record = models.ForeignKey(
        Record, models.PROTECT, db_index=False, related_name="+", verbose_name=_("record")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        db_index=False,
        related_name="+",
        verbose_name=_("author"),
    )
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("reader")
    )
    page = models.CharField(_("page"), max_length=10, choices=Page)
    day = models.DateField(_("day"), null=True, blank=True)
    created_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        indexes = [
            models.Index(fields=["author", "-created_at", "-id"], name="reading_newest_of_author"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "day", "page", "author"],
                condition=models.Q(day__isnull=False),
                name="reading_once_a_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reader_id} {self.author_id} {self.page}"
