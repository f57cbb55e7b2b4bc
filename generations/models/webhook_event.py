from django.db import models
from django.utils.translation import gettext_lazy as _

from generations.models.generation import Generation


class WebhookEvent(models.Model):
    """One event that a provider sent to the webhook, kept as it came.

    The same event sent again makes no second row. An event changes no status by itself: an
    authenticated read follows. `next_action_at` is set while a task id in it waits to be adopted.
    """

    generation = models.ForeignKey(
        Generation, models.PROTECT, related_name="webhook_events", verbose_name=_("generation")
    )
    event_id = models.CharField(_("event"), max_length=200)
    task_id = models.CharField(_("task id"), max_length=600)
    body = models.BinaryField(_("body as it came"))
    received_at = models.DateTimeField(_("received"), auto_now_add=True, db_index=True)
    next_action_at = models.DateTimeField(_("next action"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        ordering = ["received_at", "id"]
        indexes = [
            models.Index(
                fields=["next_action_at"],
                condition=models.Q(next_action_at__isnull=False),
                name="webhook_event_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "event_id"], name="webhook_event_told_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.generation_id}/{self.event_id}"
