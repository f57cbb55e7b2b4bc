"""Who may open what: every address × GET and POST × every kind of person of two teams."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, partial
from itertools import product

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission
from django.template.base import Template

from accounts import access
from accounts.backend import PersonBackend
from tests.access import table
from tests.access.studio import addresses, patterns, visitors
from tests.changes import changed_tables, is_silent

# Answered from the cache first. Behind it is the same check, as the table below proves.
CHECKED_WITHIN = {"live"}


@pytest.fixture
def quick(settings, monkeypatch) -> Iterator[None]:
    """Only status codes matter here: draw no pages, log no refusals, read people once."""
    read = cache(partial(PersonBackend.get_user, PersonBackend()))
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    settings.CACHES = dict.fromkeys(settings.CACHES, memory)
    monkeypatch.setattr(Template, "_render", lambda self, context: "")
    monkeypatch.setattr(AdminSite, "each_context", lambda self, request: {})
    monkeypatch.setattr(PersonBackend, "get_user", lambda self, key: read(key))
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def walk(section: dict) -> tuple[dict, set]:
    """Send every request of a section of the table, as everybody.

    Returns the answers, by method and address, and the requests that changed tables in silence.
    """
    everyone = visitors()
    address_of = addresses(next(each.user for each in everyone if each.kind == "member"))
    answers, silent = defaultdict(list), set()
    for (method, name), visitor in product(section, everyone):
        with changed_tables() as tables:
            answers[method, name].append(visitor.outcome(method, address_of[name]))
        if is_silent(tables):
            silent.add((method, name, visitor.kind, *sorted(tables)))
    return answers, silent


@pytest.mark.django_db
@pytest.mark.parametrize("name", table.SECTIONS)
def test_every_address_answers_as_the_table_says_and_changes_nothing_in_silence(name, quick):
    expected = table.rows(table.SECTIONS[name])
    answers, silent = walk(expected)
    assert answers == expected
    assert silent == set()


def test_every_address_stands_in_the_table_of_answers_with_both_methods():
    listed = {row for section in table.SECTIONS.values() for row in table.rows(section)}

    assert listed == {(method, name) for name, _ in patterns() for method in ("GET", "POST")}


def test_every_address_stands_in_the_table_of_rights_and_nothing_else_does():
    assert set(access.TABLE) == {name for name, _pattern in patterns()}


def test_every_view_of_ours_that_asks_for_something_is_wrapped_in_the_check():
    bare = {
        name
        for name, pattern in patterns()
        if pattern.callback.__module__.startswith(("accounts.views", "generations.views"))
        and access.TABLE[name].signed_in
        and not getattr(pattern.callback, "is_checked", False)
    }

    assert bare == CHECKED_WITHIN


def test_permissions_of_the_table_exist(db):
    known = {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in Permission.objects.select_related("content_type")
    }

    asked = {right for each in access.TABLE.values() for right in (*each.rights, *each.to_send)}
    assert asked <= known
