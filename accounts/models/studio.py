import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class Studio(models.Model):
    """The identity of this studio, by which other studios recognise it; one row, with key 1."""

    ONLY = 1

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        verbose_name = _("studio")
        verbose_name_plural = _("studios")

    def __str__(self) -> str:
        return str(self.uuid)
