"""Texts out of several: put together as the reader's language does it."""

from functools import reduce

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

Text = str | Promise


def listed(*parts: Text) -> str:
    """A list of names or numbers, without those that are empty: “2K, 3:2”."""
    return pgettext("between the parts of a list", ", ").join(_given(parts))


def sentences(*parts: Text) -> str:
    """Whole sentences, one after another, without those that are empty."""
    return reduce(_followed, _given(parts), "")


def pair(label: Text, text: Text) -> str:
    """A text with what it is: “Price: 8 credits”."""
    return _("%(label)s: %(text)s") % {"label": label, "text": text}


def _followed(text: str, sentence: str) -> str:
    both = pgettext("two sentences, one after another", "%(first)s %(next)s")
    return both % {"first": text, "next": sentence} if text else sentence


def _given(parts: tuple[Text, ...]) -> list[str]:
    return [str(part) for part in parts if part]
