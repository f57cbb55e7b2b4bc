"""Searches of the log and of the gallery that people keep. Saving and deleting is recorded."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from django.db import transaction

from accounts import audit
from accounts.events import Event
from accounts.models import SavedSearch, User

Page = SavedSearch.Page

MOST = 50  # of a person, on each page
LONGEST_VALUE = 2000  # characters in a record
SAVED = {Page.LOG: Event.LOG_SEARCH_SAVED, Page.GALLERY: Event.GALLERY_VIEW_SAVED}
DELETED = {Page.LOG: Event.LOG_SEARCH_DELETED, Page.GALLERY: Event.GALLERY_VIEW_DELETED}


@transaction.atomic
def save(user: User, name: str, given: Mapping[str, str], *, page: str = Page.LOG) -> bool:
    """Keep the filters `given` under `name`, in place of an older search of this name.

    Returns False if the person keeps too many searches of this page already.
    """
    of_page = SavedSearch.objects.filter(user=user, page=page)
    if not of_page.filter(name=name).exists() and of_page.count() >= MOST:
        return False
    values = {"query": urlencode(given)}
    SavedSearch.objects.update_or_create(user=user, page=page, name=name, defaults=values)
    _record(SAVED[Page(page)], user, name, dict(given))
    return True


@transaction.atomic
def delete(search: SavedSearch) -> None:
    search.delete()
    asked = dict(parse_qsl(search.query))
    _record(DELETED[Page(search.page)], search.user, search.name, asked)


def _record(event: Event, user: User, title: str, asked: Mapping[str, str]) -> None:
    values = {name: text[:LONGEST_VALUE] for name, text in asked.items()}
    audit.record(event, actor=user, subject=user, personal={"title": title, "asked": values})
