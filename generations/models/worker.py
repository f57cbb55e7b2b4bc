from django.db import models
from django.utils.translation import gettext_lazy as _


class Worker(models.Model):
    """A worker process and when it was last alive, by the database's clock.

    A worker keeps the rows that it has claimed as long as this heartbeat continues.
    """

    id = models.CharField(_("worker"), primary_key=True, max_length=100)
    queues = models.CharField(_("queues"), max_length=100)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    seen_at = models.DateTimeField(_("last seen"), db_index=True)
    # When the watchdog last found every loop turning; behind `seen_at` if a loop hangs.
    turned_at = models.DateTimeField(_("last at work"), null=True, blank=True)

    class Meta:
        # An older version, which may still run during an upgrade, uses this name.
        db_table = "accounts_worker"
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return self.id
