"""Lists of the admin whose rows are cards on phones: `.list-cards` in `admin-pages.css`."""

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst


def named(name: str, cell: object) -> SafeString:
    """A cell with the name of its column, which is seen where rows are cards."""
    return format_html('<span data-label="{}">{}</span>', capfirst(name), cell)
