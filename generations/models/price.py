import uuid

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Price(models.Model):
    """What one image of a tier costs from a moment on. The newest valid one is in force.

    Rows are never changed: a new price is a new row, so that each run keeps the price it was sold
    at.
    """

    class Source(models.TextChoices):
        DEFAULT = "default", _("suggested by the adapter")
        ADMIN = "admin", _("set by an admin")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    engine = models.CharField(_("engine"), max_length=100)
    tier = models.CharField(
        _("tier"), max_length=40, help_text=_("The resolution for which the engine has this price.")
    )
    credits = models.PositiveIntegerField(
        _("credits for an image"), validators=[MinValueValidator(1)]
    )
    cost_usd = models.DecimalField(
        _("provider's cost for an image, USD"),
        max_digits=10,
        decimal_places=5,
        help_text=_("What the company pays if the provider does not name the cost itself."),
    )
    valid_from = models.DateTimeField(
        _("valid from"), default=timezone.now, help_text=_("UTC. Earlier runs keep their price.")
    )
    source = models.CharField(_("source"), max_length=10, choices=Source, default=Source.ADMIN)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("set by"),
    )

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        ordering = ["engine", "tier", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["engine", "tier", "valid_from"], name="price_once_per_moment"
            ),
            models.CheckConstraint(
                condition=models.Q(credits__gte=1), name="price_at_least_one_credit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.engine} {self.tier}: {self.credits}"
