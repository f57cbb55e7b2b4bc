from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from generations.models.provider_account import ProviderAccount


class BalanceDay(models.Model):
    """The balance of one key over one day (UTC), and what we think that day cost.

    It begins with the last reading of the day before, so days join without a gap, and the cost is
    that of the generations submitted between the two readings. `generations.balance_days` writes
    it.
    """

    account = models.ForeignKey(
        ProviderAccount, models.CASCADE, related_name="balance_days", verbose_name=_("key")
    )
    day = models.DateField(_("day"), help_text=_("In UTC."))
    unit = models.CharField(_("unit of the balance"), max_length=20, blank=True)
    opening = models.DecimalField(_("balance before"), max_digits=14, decimal_places=4)
    opening_at = models.DateTimeField(_("read at"))
    closing = models.DecimalField(_("balance after"), max_digits=14, decimal_places=4)
    closing_at = models.DateTimeField(_("last read at"))
    topped_up = models.DecimalField(
        _("topped up"), max_digits=14, decimal_places=4, default=Decimal(0)
    )
    # Empty until the day is over and compared, and for units that can't be compared.
    cost_usd = models.DecimalField(
        _("our cost, USD"), max_digits=14, decimal_places=5, null=True, blank=True
    )
    is_off = models.BooleanField(_("differs"), default=False)
    # Generations that may explain a difference: at most 10, each with key, status and US dollars.
    explained_by = models.JSONField(_("may be explained by"), default=list)
    explained_count = models.PositiveIntegerField(_("generations that may explain it"), default=0)

    class Meta:
        verbose_name = _("balance of a day")
        verbose_name_plural = _("balances by day")
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="balance_once_a_day")
        ]
        indexes = [models.Index(fields=["-day", "account"], name="balance_newest_day")]

    def __str__(self) -> str:
        return f"{self.account}, {self.day}"

    @property
    def fell(self) -> Decimal:
        """By how much the balance fell, top-ups left aside; in its unit."""
        return self.opening + self.topped_up - self.closing

    @property
    def difference(self) -> Decimal | None:
        """What the balance fell by beyond our cost, in US dollars; None if it is not compared."""
        return None if self.cost_usd is None else self.fell - self.cost_usd
