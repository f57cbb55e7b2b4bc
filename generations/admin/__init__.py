"""The pages of `generations` in the Django admin. Originals do not appear there."""

from generations.admin import (
    budgets,
    engines,
    erasing,
    generations,
    labels,
    last_work,
    outlets,
    prices,
    provider_accounts,
    relabelling,
)

__all__ = [
    "budgets",
    "engines",
    "erasing",
    "generations",
    "labels",
    "last_work",
    "outlets",
    "prices",
    "provider_accounts",
    "relabelling",
]
