"""The last cost that each provider named, kept beside the price book."""

from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from generations.models import Generation, LastBill

SMALLEST = Decimal("0.00001")


def note_bill(generation: Generation, cost_usd: Decimal, *, images: int) -> None:
    """Keep what the provider named for `generation`, in US dollars, as the last bill of its tier.

    The cost counts for one of the `images` that came. Does nothing if none came.
    """
    if not images:
        return
    price = generation.price
    values = {
        "cost_usd": (cost_usd / images).quantize(SMALLEST),
        "references": generation.references,
        "billed_at": timezone.now(),
    }
    row = LastBill.objects.filter(engine=price.engine, tier=price.tier)
    if row.update(**values):
        return
    try:
        with transaction.atomic():
            LastBill.objects.create(engine=price.engine, tier=price.tier, **values)
    except IntegrityError:  # Another worker has made it meanwhile.
        row.update(**values)
