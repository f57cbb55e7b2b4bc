"""The filters `listed` and `sentences`, known to every template; see `accounts.phrases`."""

from collections.abc import Iterable

from django import template

from accounts import phrases

register = template.Library()


@register.filter
def listed(parts: Iterable[phrases.Text]) -> str:
    return phrases.listed(*parts)


@register.filter
def sentences(parts: Iterable[phrases.Text]) -> str:
    return phrases.sentences(*parts)
