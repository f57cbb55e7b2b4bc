import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedSearch(models.Model):
    """A search that a person keeps under a name; `query` is the query string of its page."""

    class Page(models.TextChoices):
        LOG = "log", _("Log")
        GALLERY = "gallery", _("Gallery")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="saved_searches",
        verbose_name=_("person"),
    )
    page = models.CharField(_("page"), max_length=10, choices=Page, default=Page.LOG)
    name = models.CharField(_("name"), max_length=60)
    query = models.TextField(_("query"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "page", "name"], name="saved_search_name_of_person"
            )
        ]

    def __str__(self) -> str:
        return self.name
