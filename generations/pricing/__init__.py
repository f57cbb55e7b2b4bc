"""Prices: what a run costs, the price book, and how admins change it.

A price is for one image of an engine's price tier. References that the provider charges for are
added to each image. If fewer images arrive than were asked for, each one that arrived is charged
in full, with its references, and the others are free.
"""

from generations.pricing.bills import note_bill
from generations.pricing.book import Line, book, credit_value, missing
from generations.pricing.defaults import add_default_prices
from generations.pricing.quoting import (
    credits_for,
    credits_in_words,
    in_force,
    price_in_force,
    price_of,
    prices_in_force,
)

__all__ = [
    "Line",
    "add_default_prices",
    "book",
    "credit_value",
    "credits_for",
    "credits_in_words",
    "in_force",
    "missing",
    "note_bill",
    "price_in_force",
    "price_of",
    "prices_in_force",
]
