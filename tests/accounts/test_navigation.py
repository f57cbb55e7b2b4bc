"""The links to pages are kept, and nobody is shown those of somebody else."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from accounts import navigation
from accounts.navigation import navigation_for

pytestmark = pytest.mark.django_db

TEMPLATES = ("_rail", "_tabbar", "_more_links")


@pytest.fixture(autouse=True)
def _nothing_kept():
    navigation._drawn.cache_clear()


def test_links_are_drawn_once_for_all_who_have_the_same_rights(alice, bob):
    assert navigation_for(alice, "studio") is navigation_for(bob, "studio")


def test_who_has_more_rights_sees_more(alice, reviewer, admin):
    log = f'href="{reverse("log")}"'
    for bar in ("rail", "tabs"):
        assert log in getattr(navigation_for(reviewer, "studio"), bar)
        assert log not in getattr(navigation_for(alice, "studio"), bar)
    assert reverse("admin:index") in navigation_for(admin, "studio").more
    assert reverse("admin:index") not in navigation_for(alice, "studio").more


def test_the_link_to_this_page_is_marked(alice):
    links = navigation_for(alice, "gallery")
    marked = f'<a href="{reverse("gallery")}" aria-current="page">'
    assert marked in links.rail
    assert marked in links.tabs
    assert links.rail.count("aria-current") == 1


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_templates_ask_for_no_right_that_is_not_looked_up(name):
    text = (Path(settings.BASE_DIR) / "templates" / f"{name}.html").read_text()
    assert set(re.findall(r'"(\w+\.\w+)" in rights', text)) <= set(navigation.RIGHTS)
