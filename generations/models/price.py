import math
import uuid
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# Higher figures are slips of the pen.
MOST_CREDITS = 100_000
MOST_USD = Decimal(1000)
MOST_REFERENCES = 100


class Price(models.Model):
    """What one image of a tier costs from a moment on. The newest valid one is in force.

    Some providers charge for references as well: those beyond `free_references` cost the same for
    each image. Credits are whole numbers, so the sum for one image is rounded up.

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
        _("credits for an image"),
        validators=[MinValueValidator(1), MaxValueValidator(MOST_CREDITS)],
    )
    cost_usd = models.DecimalField(
        _("provider's cost for an image, USD"),
        max_digits=10,
        decimal_places=5,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(MOST_USD)],
        help_text=_("What the company pays if the provider does not name the cost itself."),
    )
    credits_per_reference = models.DecimalField(
        _("credits for each further reference"),
        max_digits=8,
        decimal_places=2,
        default=Decimal(0),
        db_default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(MOST_CREDITS))],
        help_text=_("For each image. The sum for an image is rounded up to whole credits."),
    )
    cost_usd_per_reference = models.DecimalField(
        _("provider's cost for each further reference, USD"),
        max_digits=10,
        decimal_places=5,
        default=Decimal(0),
        db_default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(MOST_USD)],
    )
    free_references = models.PositiveSmallIntegerField(
        _("references without extra cost"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(MOST_REFERENCES)],
        help_text=_("How many references are in the price of an image."),
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

    def credits_of_image(self, references: int = 0) -> int:
        """Credits for one image that is made from so many references, rounded up."""
        return self.credits + math.ceil(self._further(references) * self.credits_per_reference)

    def usd_of_image(self, references: int = 0) -> Decimal:
        """US dollars that the provider takes for one image made from so many references."""
        return self.cost_usd + self._further(references) * self.cost_usd_per_reference

    def _further(self, references: int) -> int:
        return max(references - self.free_references, 0)
