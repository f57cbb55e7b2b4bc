from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from generations.models.run import Run


class Dismissal(models.Model):
    """Says that a person has taken a run out of the feed; see `generations.dismissals`."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="dismissals", verbose_name=_("run"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )

    class Meta:
        verbose_name = _("dismissal")
        verbose_name_plural = _("dismissals")
        constraints = [models.UniqueConstraint(fields=["run", "user"], name="dismissal_once")]
        indexes = [models.Index(fields=["user", "id"], name="dismissal_by_person")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.user_id}"
