"""Changes of several prices at once: worked out and shown first, added only as they were shown.

Prices are never changed, so each change is a new row. What is reserved keeps the price it had.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Self

from django.contrib.admin.utils import label_for_field
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.phrases import sentences
from generations.models import CreditValue, Price
from generations.pricing.book import Line, Offer, book

FIGURES = (
    "credits",
    "cost_usd",
    "credits_per_reference",
    "cost_usd_per_reference",
    "free_references",
)
# Nobody plans prices further ahead; a later date is a slip of the pen.
FURTHEST = dt.timedelta(days=2 * 365)
ONE = Decimal(1)


class BookChanged(Exception):
    """Somebody has added a price since the changes were shown."""


@dataclass(frozen=True)
class NewPrice:
    """A price to be added: figures as in `Price`, from `valid_from` on; None: from now on."""

    engine: str
    tier: str
    credits: int
    cost_usd: Decimal
    credits_per_reference: Decimal = Decimal(0)
    cost_usd_per_reference: Decimal = Decimal(0)
    free_references: int = 0
    valid_from: dt.datetime | None = None

    @property
    def offer(self) -> Offer:
        return self.engine, self.tier

    def as_price(self, now: dt.datetime | None = None) -> Price:
        """The row that it becomes; not saved."""
        return Price(**{**asdict(self), "valid_from": self.valid_from or now or timezone.now()})

    def problems(self) -> list[str]:
        """What is wrong with it, in words; empty if nothing is."""
        moment, now = self.valid_from, timezone.now()
        if moment and moment < now:
            return [_("“Valid from” is past. Leave it empty for now, or write a later moment.")]
        if moment and moment > now + FURTHEST:
            return [_("“Valid from” is more than two years ahead.")]
        try:
            self.as_price().full_clean(exclude=["uuid"], validate_constraints=False)
        except ValidationError as error:
            return [_in_words(name, texts) for name, texts in error.message_dict.items()]
        return []

    def as_plain(self) -> dict[str, Any]:
        """Its values as JSON holds them."""
        values = {name: str(value) for name, value in asdict(self).items()}
        return values | {"valid_from": self.valid_from and self.valid_from.isoformat()}

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        moment = values["valid_from"]
        decimals = {name: Decimal(values[name]) for name in FIGURES}
        whole = {name: int(values[name]) for name in ("credits", "free_references")}
        return cls(
            **{
                **values,
                **decimals,
                **whole,
                "valid_from": moment and dt.datetime.fromisoformat(moment),
            }
        )


@dataclass(frozen=True)
class Change:
    """A new price beside the line of the book that it changes."""

    line: Line
    new: NewPrice

    @property
    def after(self) -> Line:
        """The line of the book once the new price is in force."""
        return replace(self.line, price=self.new.as_price())


def version() -> int:
    """A number that grows with each price that anybody adds."""
    return Price.objects.aggregate(last=Max("pk", default=0))["last"]


def changes(new: Iterable[NewPrice]) -> list[Change]:
    """The prices that differ from those in force, each beside its line of the book."""
    lines = {(line.engine, line.tier): line for line in book()}
    found = [Change(lines[each.offer], each) for each in new if each.offer in lines]
    return [change for change in found if not _is_same(change)]


def raised(line: Line, per_cent: Decimal) -> int | None:
    """The credits for an image, raised by so many per cent; at least 1. None without a price."""
    if line.price is None:
        return None
    credits = line.price.credits * (1 + per_cent / 100)
    return max(int(credits.quantize(ONE, ROUND_HALF_UP)), 1)


@transaction.atomic
def add(new: Sequence[NewPrice], *, seen: int, actor: User) -> list[Price]:
    """Add all prices or none; returns them. `seen` is the `version` when they were shown.

    Raises BookChanged if somebody has added a price since, and ValidationError if a moment has
    passed.
    """
    # One change at a time, so that `seen` is compared with what the others have added.
    CreditValue.objects.select_for_update().get_or_create(pk=CreditValue.ONLY)
    if version() != seen:
        raise BookChanged
    if problems := [text for each in new for text in each.problems()]:
        raise ValidationError(problems)
    now = timezone.now()
    rows = [each.as_price(now) for each in new]
    for row in rows:
        row.created_by = actor
        row.save(force_insert=True)
    return rows


def _in_words(name: str, texts: Iterable[str]) -> str:
    about = {"what": label_for_field(name, Price), "why": sentences(*texts)}
    return _("%(what)s: %(why)s") % about


def _is_same(change: Change) -> bool:
    price = change.line.price
    if price is None or change.new.valid_from:
        return False
    return all(getattr(price, name) == getattr(change.new, name) for name in FIGURES)
