import uuid

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class ProviderAccount(models.Model):
    """One key at a provider: its limits, and whether it is paused. Never the key itself."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(_("provider"), max_length=40)
    slot = models.PositiveSmallIntegerField(
        _("slot"), help_text=_("1 is the first key, 2 the second …")
    )
    key_fingerprint = models.CharField(_("key fingerprint"), max_length=64)
    concurrency = models.PositiveIntegerField(
        _("at once"), help_text=_("Most generations in flight."), validators=[MinValueValidator(1)]
    )
    per_minute = models.PositiveIntegerField(
        _("per minute"),
        help_text=_("Most submits in 60 seconds."),
        validators=[MinValueValidator(1)],
    )
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    paused_why = models.CharField(_("paused because"), max_length=200, blank=True)
    # Failed submits in a row; after a pause one probe goes first while this is high.
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    balance = models.DecimalField(
        _("balance"), max_digits=14, decimal_places=4, null=True, blank=True
    )
    balance_unit = models.CharField(_("unit of the balance"), max_length=20, blank=True)
    balance_at = models.DateTimeField(_("balance read"), null=True, blank=True)
    warn_below = models.DecimalField(
        _("warn below"),
        max_digits=14,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_(
            "Admins are told when the balance falls below this, in its own unit. "
            "Empty: what twenty of the dearest images cost."
        ),
    )
    # What the provider itself lets this key run at once, where its API tells.
    concurrency_at_provider = models.PositiveIntegerField(
        _("at once, as the provider says"), null=True, blank=True
    )
    # Why the key is of no use until somebody acts, as a word of `providers.errors.Code`.
    blocked_code = models.CharField(_("blocked because"), max_length=40, blank=True)
    # Of what admins were told last, so that they are told once.
    alert = models.CharField(_("alert"), max_length=40, blank=True)
    webhooks_refused = models.PositiveIntegerField(_("webhook calls refused"), default=0)

    class Meta:
        verbose_name = _("provider account")
        verbose_name_plural = _("provider accounts")
        ordering = ["provider", "slot"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "slot"], name="provider_account_slot_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.slot}"

    @property
    def most_at_once(self) -> int:
        """Generations in flight that both the admin and the provider allow."""
        return min(self.concurrency, self.concurrency_at_provider or self.concurrency)
