import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User

LONGEST_NAME = 60
LONGEST_SNIPPET = 4000


class SnippetQuerySet(models.QuerySet["Snippet"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(team_id=user.team_id)


class Snippet(models.Model):
    """A prompt, or a part of one, that a team keeps under a name to use it again."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.PROTECT, related_name="snippets", verbose_name=_("team"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="snippets",
        verbose_name=_("author"),
    )
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    text = models.TextField(_("text"), max_length=LONGEST_SNIPPET)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = SnippetQuerySet.as_manager()

    class Meta:
        verbose_name = _("snippet")
        verbose_name_plural = _("snippets")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("team", Lower("name"), name="snippet_name_unique_in_team")
        ]

    def __str__(self) -> str:
        return self.name
