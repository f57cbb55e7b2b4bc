"""Sentences that a worker stores are read in the language of whoever reads them."""

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts import stored_texts
from generations.exports import ends
from generations.imaging.errors import UnusableImage
from generations.jobs.provider_health import alerts


@pytest.fixture(autouse=True)
def chinese():
    with translation.override("zh-hans"):
        yield


def test_a_sentence_is_stored_in_english():
    with stored_texts.in_english():
        assert str(UnusableImage(_("It was erased.")).message) == "It was erased."


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("It was erased.", "已被清除。"),
        ("", ""),
        ("Nobody wrote this sentence.", "Nobody wrote this sentence."),
    ],
)
def test_a_stored_sentence_is_read_in_the_readers_language(stored, read):
    assert stored_texts.read(stored) == read


def test_values_of_a_sentence_are_kept():
    with stored_texts.in_english():
        stored = str(ends.TRIED) % {"count": 5}
    assert stored_texts.read(stored) == "工作室尝试了 5 次仍未成功。请告知管理员。"


def test_a_sentence_within_a_sentence_and_each_paragraph_are_read():
    with stored_texts.in_english():
        what = str(alerts._ALERTS[alerts.LOW][0])
        stored = str(alerts._SUBJECT) % {"provider": "fal", "slot": 2, "what": what}
        stored += "\n\n" + str(alerts._BALANCE) % {"amount": "1.5", "unit": "USD"}
    assert stored_texts.read(stored) == "fal，密钥 2：余额偏低\n\n余额：1.5 USD"


def test_english_is_read_as_it_is_stored():
    with translation.override("en"):
        assert stored_texts.read("It was erased.") == "It was erased."
