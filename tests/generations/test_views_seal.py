"""The page about the seal of the log, and the badge that leads to it."""

import random

import pytest
from django.urls import reverse

from accounts import damage as log_damage
from accounts import sealing
from accounts.evidence import progress
from accounts.models import Checkpoint, Leaf, LogKey
from tests.accounts.evidence import damage
from tests.accounts.evidence.conftest import data_dir, sealed_log, write  # noqa: F401
from tests.accounts.evidence.exports import run
from tests.accounts.evidence.test_export import export_audit, unpacked
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client, reviewer):
    client.force_login(reviewer)
    return client


def page(browser):
    return browser.get(reverse("seal")).content.decode()


def test_before_the_first_sealing(browser):
    text = page(browser)
    assert "No record is sealed yet." in text
    assert "Not verified yet" in browser.get(reverse("log")).content.decode()


def test_shows_what_was_really_verified_and_the_newest_checkpoint(browser, sealed_log, write):  # noqa: F811
    assert "has not been verified yet" in page(browser)
    progress.advance()
    number = Leaf.objects.latest("place").record_id
    assert f"Verified up to record #{number} at" in page(browser)
    assert f"Verified up to record #{number} at" in browser.get(reverse("log")).content.decode()
    write()
    sealing.seal()
    text = page(browser)
    assert f"Verified up to record #{number} at" in text
    assert Checkpoint.objects.latest("pk").note.splitlines()[2] in text
    assert LogKey.objects.get().vkey in text.replace("&#x2B;", "+")
    assert "counted from 0" in text


def test_a_changed_record_is_shown_on_both_pages(browser, sealed_log):  # noqa: F811
    place = damage.run(damage.record_flipped, random.Random(1))
    progress.advance()
    assert f"Record {place}: its text is not the one of its leaf." in page(browser)
    assert "The log was changed" in browser.get(reverse("log")).content.decode()


def test_accepted_damage_is_listed(browser, sealed_log):  # noqa: F811
    damage.run(damage.back_dated_with_its_leaf, random.Random(3))
    log_damage.accept(log_damage.found(), reason="A backup was restored")
    progress.advance()
    text = page(browser)
    assert "Damage that was accepted" in text
    assert "do not give the root of the newest checkpoint" in text
    assert "Verified up to record" in text


def test_an_export_is_verified_by_the_keys_that_the_page_gives(browser, sealed_log, tmp_path):  # noqa: F811
    answer = browser.get(reverse("seal-keys"))
    assert "attachment" in answer["Content-Disposition"]
    (tmp_path / "log-keys.txt").write_bytes(answer.content)
    export_audit(tmp_path / "log.zip")
    assert run(unpacked(tmp_path / "log.zip"), "--key", tmp_path / "log-keys.txt")[0] == 0


def test_it_costs_the_same_for_any_log(browser, sealed_log, write):  # noqa: F811
    few = queries_of(lambda: page(browser))
    for _ in range(20):
        write()
        sealing.seal()
    assert queries_of(lambda: page(browser)) == few
