"""Each language translates every message of the sources, and the compiled file is up to date."""

import re

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import to_locale

from tests.languages import catalogue

# In messages of Python and templates, of str.format and scripts; and the elements within a message.
PLACEHOLDER = re.compile(r"%\(\w+\)[^\W\d_]|%(?:\.\d)?[sdf]|%%|\{\w*\}|</?\w+[^>]*>|`[^`]*`")
LOCALES = catalogue.languages()


@pytest.fixture(scope="module")
def wanted():
    return catalogue.in_sources()


@pytest.fixture(scope="module", params=LOCALES)
def locale(request):
    return request.param


@pytest.fixture(scope="module")
def stored(locale):
    return catalogue.translated(locale)


def test_each_language_but_english_has_a_catalogue():
    codes = [code for code, _name in settings.LANGUAGES if code != "en"]
    assert sorted(map(to_locale, codes)) == LOCALES


def test_the_sources_have_messages(wanted):
    assert wanted.get("Generate")  # of a template
    assert wanted.get("Name")  # of a module


def test_every_message_is_translated(wanted, stored):
    """If this fails, run `make messages` and write what is missing."""
    assert [message.id for message in catalogue.missing(stored, wanted)] == []


def test_nothing_is_translated_that_no_source_says(wanted, stored):
    """If this fails, run `make messages`."""
    unused = [each.id for each in stored if each.id and not wanted.get(each.id, each.context)]
    assert unused == []


def test_placeholders_are_those_of_the_message(stored):
    wrong = [each.id for each in stored if each.id and not _has_same_placeholders(each)]
    assert wrong == []


def test_the_compiled_catalogue_is_that_of_the_text(locale, stored):
    """If this fails, run `make messages`."""
    assert catalogue.compiled(stored) == catalogue.stored_compiled(locale)


def test_django_finds_the_translations():
    with translation.override("zh-hans"):
        assert translation.gettext("Generate") == "生成"
        assert translation.ngettext("%(count)d image", "%(count)d images", 2) == "%(count)d 张图片"


def _has_same_placeholders(message) -> bool:
    """The form for several has all placeholders; that for one may say "one" instead of a number."""
    text = message.id if isinstance(message.id, str) else message.id[1]
    forms = (message.string,) if isinstance(message.string, str) else message.string
    return all(_placeholders(form) == _placeholders(text) for form in forms)


def _placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))
