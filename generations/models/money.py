"""What credits are worth, what providers billed, and budgets in US dollars.

Amounts that are added up are whole millionths of a US dollar (`micros`): SQLite adds decimals as
floating-point numbers, which drift.
"""

import datetime as dt
import uuid
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from accounts.models.allowance import next_month

MICROS = 1_000_000
SMALLEST_CREDIT = Decimal("0.0001")
LARGEST_CREDIT = Decimal(1000)
LARGEST_BUDGET = Decimal(10_000_000)


def to_micros(usd: Decimal) -> int:
    """US dollars as whole millionths."""
    return int((Decimal(usd) * MICROS).to_integral_value())


def to_usd(micros: int) -> Decimal:
    """Whole millionths as US dollars."""
    return Decimal(micros) / MICROS


class CreditValue(models.Model):
    """What one credit is worth in US dollars, from which margins are worked out; one row."""

    ONLY = 1

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    usd = models.DecimalField(
        _("value of a credit, USD"),
        max_digits=10,
        decimal_places=4,
        default=Decimal("0.01"),
        validators=[MinValueValidator(SMALLEST_CREDIT), MaxValueValidator(LARGEST_CREDIT)],
        help_text=_("What people or teams pay for one credit. Margins are worked out with it."),
    )

    class Meta:
        verbose_name = _("value of a credit")
        verbose_name_plural = _("value of a credit")

    def __str__(self) -> str:
        return f"{self.usd:f} USD"


class LastBill(models.Model):
    """The last cost that a provider named for an engine and a price tier."""

    engine = models.CharField(_("engine"), max_length=100)
    tier = models.CharField(_("tier"), max_length=40)
    cost_usd = models.DecimalField(_("cost of an image, USD"), max_digits=12, decimal_places=5)
    references = models.PositiveSmallIntegerField(_("references"), default=0)
    billed_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("last bill")
        verbose_name_plural = _("last bills")
        constraints = [
            models.UniqueConstraint(fields=["engine", "tier"], name="last_bill_once_per_tier")
        ]

    def __str__(self) -> str:
        return f"{self.engine} {self.tier}: {self.cost_usd}"


class Budget(models.Model):
    """US dollars a month for one team or, without a team, for the whole studio."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("Empty: the whole studio."),
    )
    usd = models.DecimalField(
        _("USD a month"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(LARGEST_BUDGET)],
        help_text=_("At the prices of the price book. Empty: no budget for now."),
    )
    blocks = models.BooleanField(
        _("stops new runs when it is used up"),
        default=False,
        help_text=_("Otherwise admins are told, and runs go on. What is being made is finished."),
    )

    class Meta:
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        ordering = ["team__name"]
        constraints = [
            models.UniqueConstraint(
                Coalesce("team", 0),
                name="budget_once_per_owner",
                violation_error_message=_("There is a budget of this team, or studio, already."),
            ),
            models.CheckConstraint(
                condition=Q(usd__isnull=True) | Q(usd__gte=0), name="budget_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return str(self.team or _("Whole studio"))


class BudgetMonth(models.Model):
    """One budget in one month, and what of it is used, in millionths of a US dollar.

    Each generation of the month names this row, and so its sums can be proven
    (`generations.budgets.reconcile`). `before` is what the month had cost before it had a budget.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    budget = models.ForeignKey(
        Budget, models.PROTECT, related_name="months", verbose_name=_("budget"), db_index=False
    )
    month = models.DateField(
        _("month"), help_text=_("First day, in the time zone of the team or of the studio.")
    )
    limit = models.BigIntegerField(_("limit"))
    before = models.BigIntegerField(_("used before there was a budget"), default=0)
    reserved = models.BigIntegerField(_("reserved"), default=0)
    spent = models.BigIntegerField(_("spent"), default=0)

    class Meta:
        verbose_name = _("month of a budget")
        verbose_name_plural = _("months of budgets")
        ordering = ["-month", "budget"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "month"], name="budget_month_once"),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{column}__gte": 0}), name=f"budget_{column}_not_negative"
                )
                for column in ("limit", "before", "reserved", "spent")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.budget}, {self.month:%Y-%m}"

    @property
    def used(self) -> int:
        """Millionths of a US dollar that are reserved or spent."""
        return self.before + self.reserved + self.spent

    @property
    def renews_on(self) -> dt.date:
        return next_month(self.month)
