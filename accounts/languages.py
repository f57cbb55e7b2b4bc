"""The language and time zone in which a person reads pages, and is written to."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation

from accounts.models import User


def use_choice_of(request: HttpRequest) -> None:
    """Use the language and time zone of whoever is signed in until the request ends.

    The language stays as it is for a person without a choice, and for strangers.
    """
    user = request.user
    if not user.is_authenticated:
        return
    timezone.activate(user.tzinfo)
    if user.language:
        translation.activate(user.language)
        request.LANGUAGE_CODE = user.language


@contextmanager
def written_for(person: User) -> Iterator[None]:
    """Write texts and times within the block for `person`, whoever or whatever causes them.

    Without a choice of the person, the language is that of the studio: no browser is asked.
    """
    language = person.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(person.tzinfo):
        yield
