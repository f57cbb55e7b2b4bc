"""The pages of `generations` in the Django admin. Prompts and originals do not appear there."""

from generations.admin import (
    engines,
    erasing,
    generations,
    labels,
    prices,
    provider_accounts,
    relabelling,
)

__all__ = [
    "engines",
    "erasing",
    "generations",
    "labels",
    "prices",
    "provider_accounts",
    "relabelling",
]
