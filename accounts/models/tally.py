import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.record import Record


class Tally(models.Model):
    """A count of what one address has done since its first time was recorded.

    After ten minutes the count is recorded and the row deleted (see `accounts.audit.tallies`). The
    key hides the address, which is only in the erasable part of the record.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    key = models.CharField(_("key"), max_length=64, unique=True)
    record = models.OneToOneField(
        Record, models.PROTECT, null=True, related_name="+", verbose_name=_("record of the first")
    )
    until = models.DateTimeField(_("counts until"), db_index=True)
    more = models.PositiveIntegerField(_("more since then"), default=0)

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")

    def __str__(self) -> str:
        return str(self.uuid)
