"""The template tag `{% icon "name" "size" %}`, known to every template."""

from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """The icon called `name` of `icons/icons.svg`; `size` is empty, "small" or another class."""
    return _drawn(str(name), size)


# A page has some fifty icons, and an included template for each would be a tenth of its time.
@lru_cache(maxsize=1000)
def _drawn(name: str, size: str) -> SafeString:
    classes = f"icon icon-{size}" if size else "icon"
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        classes,
        static("icons/icons.svg"),
        name,
    )
