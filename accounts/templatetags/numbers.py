"""The filters `record_number` and `percent`, known to every template."""

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def record_number(number: int | None) -> str:
    """The number of a record, as every page shows it and the search takes it: #48207.

    Nothing for None.
    """
    return "" if number is None else f"#{number}"


@register.filter
def percent(share: float | None, sign: str = "") -> str:
    """A share as whole per cent: 0.124 is 12%. With the sign "-", that of the opposite share.

    Nothing for None.
    """
    if share is None:
        return ""
    number = round(-share * 100 if sign == "-" else share * 100)
    return _("%(number)d%%") % {"number": number}
