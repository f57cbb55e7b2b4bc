from django.db import models
from django.utils.translation import gettext_lazy as _


class UpstreamMark(models.Model):
    """A kind of mark that the originals of an engine have carried: c2pa or aigc.

    `missing` originals in a row have come without it, the first of them at `missing_since`.
    """

    engine = models.CharField(_("engine"), max_length=100)
    kind = models.CharField(_("kind"), max_length=8)
    seen_at = models.DateTimeField(_("last seen"))
    missing = models.PositiveIntegerField(_("originals without it"), default=0)
    missing_since = models.DateTimeField(_("missing since"), null=True, blank=True)

    class Meta:
        verbose_name = _("mark of an engine")
        verbose_name_plural = _("marks of engines")
        constraints = [
            models.UniqueConstraint(fields=["engine", "kind"], name="upstream_mark_unique")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.engine}"
