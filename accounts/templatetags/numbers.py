"""The filter `record_number`, known to every template."""

from django import template

register = template.Library()


@register.filter
def record_number(number: int | None) -> str:
    """The number of a record, as every page shows it and the search takes it: #48207.

    Nothing for None.
    """
    return "" if number is None else f"#{number}"
