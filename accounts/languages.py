"""The language in which a person is written to."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.utils import timezone, translation

from accounts.models import User


@contextmanager
def written_for(person: User) -> Iterator[None]:
    """Write texts and times within the block for `person`, whoever or whatever causes them.

    Without a choice of the person, the language is that of the studio: no browser is asked.
    """
    language = person.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(person.tzinfo):
        yield
