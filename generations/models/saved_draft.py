from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedDraft(models.Model):
    """What a person last chose and wrote in the composer, for all of their devices.

    `given` are the values of the form. `replaced` are those of another page that were written over
    while this page had not seen them; empty if there are none. `form` is the form that wrote last,
    and `version` counts what was written.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="+",
        verbose_name=_("person"),
    )
    given = models.JSONField(_("values"), default=dict)
    replaced = models.JSONField(_("values that were written over"), default=dict, blank=True)
    form = models.UUIDField(_("form"), null=True)
    version = models.PositiveIntegerField(_("version"), default=0)
    updated_at = models.DateTimeField(_("changed"), auto_now=True, db_index=True)

    class Meta:
        verbose_name = _("saved draft")
        verbose_name_plural = _("saved drafts")

    def __str__(self) -> str:
        return str(self.user_id)
