"""Prompts that were refused before anything was sent are on record, and can be found later."""

import pytest

from accounts.audit import tallies
from accounts.events import Event
from accounts.models import Record
from tests.factories import make_user
from tests.generations.test_views_studio import press

pytestmark = pytest.mark.django_db


def refusals():
    return Record.objects.filter(event=Event.RUN_REFUSED).select_related("payload", "actor")


def test_the_prompt_is_on_record_with_person_reason_and_what_they_were_told(sign_in):
    poor = make_user(quota=1)
    press(sign_in(poor), prompt="a very red fox", num_images="4")
    record = refusals().get()
    assert (record.actor, record.subject_team) == (poor, poor.team.uuid)
    assert record.facts["why"] == "insufficient_credits"
    assert record.payload.data["prompt"] == "a very red fox"
    assert "needs 8 credits" in " ".join(record.payload.data["messages"])


def test_bad_input_names_its_fields(sign_in, alice):
    press(sign_in(alice), prompt="a very red fox", num_images="99")
    facts = refusals().get().facts
    assert (facts["why"], facts["fields"]) == ("invalid", ["num_images"])


def test_the_same_refusal_again_is_counted(sign_in, alice, django_capture_on_commit_callbacks):
    client = sign_in(alice)
    for _ in range(3):
        press(client, prompt="a very red fox", num_images="99")
    press(client, prompt="another fox", num_images="99")
    assert refusals().count() == 2
    tallies.Tally.objects.update(until="2020-01-01T00:00Z")
    tallies.close_all()
    assert [row.facts["more"] for row in refusals() if "more" in row.facts] == [2]


@pytest.mark.parametrize("prompt", ["", "   "])
def test_without_a_prompt_nothing_is_recorded(sign_in, alice, prompt):
    press(sign_in(alice), prompt=prompt)
    assert not refusals()


def test_text_that_no_database_keeps_is_recorded_as_far_as_it_can_be(sign_in, alice):
    assert press(sign_in(alice), prompt="a\0fox" + "x" * 60_000).status_code == 422
    kept = refusals().get().payload.data["prompt"]
    assert kept.startswith("a\N{REPLACEMENT CHARACTER}fox")
    assert len(kept) == 50_000
