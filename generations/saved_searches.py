"""Searches of the log that people keep. Saving and deleting one is recorded."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from django.db import transaction

from accounts import audit
from accounts.events import Event
from accounts.models import SavedSearch, User

MOST = 50  # of a person
LONGEST_VALUE = 2000  # characters in a record


@transaction.atomic
def save(user: User, name: str, given: Mapping[str, str]) -> bool:
    """Keep the filters `given` under `name`, in place of an older search of this name.

    Returns False if the person keeps too many searches already.
    """
    of_user = SavedSearch.objects.filter(user=user)
    if not of_user.filter(name=name).exists() and of_user.count() >= MOST:
        return False
    SavedSearch.objects.update_or_create(user=user, name=name, defaults={"query": urlencode(given)})
    _record(Event.LOG_SEARCH_SAVED, user, name, dict(given))
    return True


@transaction.atomic
def delete(search: SavedSearch) -> None:
    search.delete()
    asked = dict(parse_qsl(search.query))
    _record(Event.LOG_SEARCH_DELETED, search.user, search.name, asked)


def _record(event: Event, user: User, title: str, asked: Mapping[str, str]) -> None:
    values = {name: text[:LONGEST_VALUE] for name, text in asked.items()}
    audit.record(event, actor=user, subject=user, personal={"title": title, "asked": values})
