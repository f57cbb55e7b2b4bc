from django.db import models
from django.utils.translation import gettext_lazy as _


class Pulse(models.Model):
    """When a recurring program was last alive, by the database's clock."""

    name = models.CharField(_("name"), primary_key=True, max_length=40)
    seen_at = models.DateTimeField(_("last heard of"))

    class Meta:
        verbose_name = _("pulse")
        verbose_name_plural = _("pulses")

    def __str__(self) -> str:
        return self.name
