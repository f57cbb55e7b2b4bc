"""The pages of `generations` in the Django admin. Originals do not appear there."""

from generations.admin import (
    engines,
    erasing,
    generations,
    labels,
    last_work,
    prices,
    provider_accounts,
    relabelling,
)

__all__ = [
    "engines",
    "erasing",
    "generations",
    "labels",
    "last_work",
    "prices",
    "provider_accounts",
    "relabelling",
]
