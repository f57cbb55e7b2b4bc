"""Advice for people, for everything that can go wrong."""

import pytest

from generations.providers.advice import ADVICE, Remedy, explain
from generations.providers.errors import Code


@pytest.mark.parametrize("code", Code)
def test_every_code_has_what_happened_and_what_to_do(code):
    advice = ADVICE[code]
    assert str(advice.title).endswith(".")
    assert str(advice.what_to_do).endswith(".")


def test_a_code_from_the_database_is_a_plain_string():
    assert explain("content_policy") == ADVICE[Code.CONTENT_POLICY]


@pytest.mark.parametrize(
    "raw_code", ["InvalidImageSize", "INVALID_IMAGE_SIZE", "invalid image size"]
)
def test_advice_from_the_providers_page_replaces_ours(raw_code):
    advice = explain(Code.REFERENCE_REJECTED, raw_code, "apixo")
    assert advice.title == ADVICE[Code.REFERENCE_REJECTED].title
    assert str(advice.what_to_do) == "Use a reference of another size."


@pytest.mark.parametrize(
    ("raw_code", "provider"), [("Unheard", "apixo"), ("Timeout", "gone"), ("", "")]
)
def test_without_advice_on_the_page_ours_is_used(raw_code, provider):
    assert explain(Code.TIMEOUT, raw_code, provider) == ADVICE[Code.TIMEOUT]


def test_a_code_of_another_version_means_trouble_at_the_provider():
    assert explain("no_such_code") == ADVICE[Code.PROVIDER_ERROR]


@pytest.mark.parametrize(
    ("code", "remedies"),
    [
        (
            Code.TIMEOUT,
            (Remedy.LOWER_RESOLUTION, Remedy.FEWER_AT_A_TIME, Remedy.WITHOUT_REFERENCES),
        ),
        (Code.CONTENT_POLICY, (Remedy.EDIT_PROMPT, Remedy.WITHOUT_REFERENCES)),
        (Code.REFERENCE_REJECTED, (Remedy.WITHOUT_REFERENCES,)),
        (Code.IMAGE_TOO_LARGE, (Remedy.LOWER_RESOLUTION,)),
        (Code.PROVIDER_ERROR, (Remedy.FEWER_AT_A_TIME,)),
        (Code.AUTH, ()),
        (Code.OUTCOME_UNKNOWN, ()),
    ],
)
def test_remedies_are_those_that_may_help(code, remedies):
    assert explain(code).remedies == remedies


def test_advice_from_a_providers_page_keeps_the_remedies():
    advice = explain(Code.REFERENCE_REJECTED, "InvalidImageSize", "apixo")
    assert advice.remedies == ADVICE[Code.REFERENCE_REJECTED].remedies
