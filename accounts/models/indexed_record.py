from django.utils.translation import gettext_lazy as _

from accounts.search.schema import IndexedText


class IndexedRecord(IndexedText):
    """What a record is found by. `accounts.audit.index` writes it with the record."""

    class Meta:
        verbose_name = _("indexed record")
        verbose_name_plural = _("indexed records")

    def __str__(self) -> str:
        return str(self.row)
