from django.db import models
from django.utils.translation import gettext_lazy as _


class Worker(models.Model):
    """A worker process and when it was last alive, on the database's clock.

    A claimed row belongs to its worker for as long as this heartbeat goes on.
    """

    id = models.CharField(_("worker"), primary_key=True, max_length=100)
    queues = models.CharField(_("queues"), max_length=100)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    seen_at = models.DateTimeField(_("last seen"), db_index=True)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return self.id
