"""The page for the company's lawyer says what is so now."""

import pytest
from django.urls import reverse

from accounts.groups import LEGAL_COUNSEL
from generations.models import Rendition, RetentionRule
from generations.reading import label_law, label_settings
from tests.factories import make_user
from tests.generations.factories import make_finished_run

pytestmark = pytest.mark.django_db


def duties():
    """Each duty's tone, by its article."""
    return {duty.article: duty.tone for law in label_law.page().laws for duty in law.duties}


def settings_shown():
    return {each.name: each for each in label_law.page().settings}


def sign(share=1.0, **values):
    keys = list(Rendition.objects.order_by("pk").values_list("pk", flat=True))
    rows = Rendition.objects.filter(pk__in=keys[: int(len(keys) * share)])
    rows.update(**{"certificate": "c" * 64, "is_stamped": True, "mark_key": 1} | values)


def test_an_empty_studio_claims_nothing(sign_in, superuser):
    page = sign_in(superuser).get(reverse("label-law"))
    assert page.status_code == 200
    assert "This is not legal advice" in page.content.decode()
    assert duties()["GB 45438, 5.2"] == "bad"
    assert duties()["50(2), Code 1.1"] == "warn"


def test_it_follows_what_the_newest_files_have(alice):
    make_finished_run(alice, images=2)
    found = duties()
    assert (found["50(2), Code 1.1"], found["Code 1.1.1"], found["Code 1.1.2"]) == (
        *("bad", "bad"),
        "bad",
    )
    sign(0.5)
    found = duties()
    assert {found["50(2), Code 1.1"], found["Code 1.1.1"], found["Code 1.1.2"]} == {"warn"}
    sign()
    found = duties()
    assert {found["50(2), Code 1.1"], found["Code 1.1.1"], found["Code 1.1.2"]} == {"ok"}
    sign(is_stamped=False)
    assert duties()["Code 1.1.1"] == "warn"
    assert "none of the newest 6 files" in settings_shown()["Time stamps"].value


@pytest.mark.parametrize(
    ("text", "capitals", "tone"),
    [("AI生成", 50, "ok"), ("AI生成", 20, "bad"), ("AI-generated", 50, "bad")],
)
def test_the_chinese_badge_needs_words_and_height(alice, monkeypatch, text, capitals, tone):
    make_finished_run(alice, size=(1000, 1000))
    Rendition.objects.update(capitals=capitals, width=1000, height=1000)
    said = {"badge": text, "badge_corner": "top-left"}
    monkeypatch.setattr(label_settings.renditions, "label_in_words", lambda image: said)
    assert duties()["GB 45438, 5.2"] == tone


def test_rules_that_erase_too_early_are_named():
    RetentionRule.objects.create(kind="callers", days=30, is_active=True)
    RetentionRule.objects.create(kind="refused", days=400, is_active=True)
    shown = settings_shown()["Rules that erase before six months"]
    assert "30 days" in shown.value
    assert "400" not in shown.value
    assert duties()["Measures, 9"] == "warn"


def test_counsel_and_reviewers_may_read_it(alice, reviewer, sign_in, team):
    counsel = make_user(team=team, groups=[LEGAL_COUNSEL])
    for person in (counsel, reviewer):
        assert sign_in(person).get(reverse("label-law")).status_code == 200
    assert sign_in(alice).get(reverse("label-law")).status_code == 403


def test_its_cost_does_not_grow_with_the_images(alice, django_assert_max_num_queries):
    make_finished_run(alice, images=8)
    with django_assert_max_num_queries(12):
        label_law.page()
