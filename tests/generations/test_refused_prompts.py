"""Prompts that were refused before anything was sent are on record, and can be found later."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.audit import tallies
from accounts.events import Event
from accounts.models import Record, User
from generations.providers.advice import Remedy
from generations.states import Status
from tests.factories import make_user
from tests.generations.asking import DEMO
from tests.generations.factories import make_generation, make_run
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


class TestMoreImagesOfARun:
    def test_a_refused_retry_names_the_run(self, sign_in, alice):
        run = make_run(alice, wanted=2, prompt="a very red fox")
        make_generation(run, Status.FAILED, error_code="timeout")
        User.objects.filter(pk=alice.pk).update(quota=0)
        sign_in(alice).post(reverse("run-try-again", args=[run.uuid]))
        record = refusals().get()
        assert record.facts["of"] == str(run.uuid)
        assert record.facts["why"] == "insufficient_credits"
        assert record.payload.data["prompt"] == "a very red fox"

    def test_a_refused_remedy_names_itself_too(self, sign_in, alice):
        run = make_run(alice, wanted=2, open=2, prompt="a very red fox")
        sign_in(alice).post(reverse("run-remedy", args=[run.uuid, Remedy.FEWER_AT_A_TIME]))
        record = refusals().get()
        assert (record.facts["why"], record.facts["remedy"]) == ("refused", Remedy.FEWER_AT_A_TIME)


@pytest.mark.parametrize(
    ("arguments", "why", "fields"),
    [
        (["--num-images=99"], "refused", ["num_images"]),
        (["--engine=gone/away"], "refused", ["engine"]),
        (["--reference=manage.py", "--rights=own"], "unusable_image", []),
    ],
)
def test_what_the_command_refuses_is_on_record_too(alice, arguments, why, fields):
    given = [f"--user={alice.email}", f"--engine={DEMO}", "--prompt=a very red fox", *arguments]
    with pytest.raises(CommandError):
        call_command("generate", *given)
    record = refusals().get()
    assert (record.facts["why"], record.facts["fields"]) == (why, fields)
    assert record.facts["command"] == "generate"
    assert record.payload.data["prompt"] == "a very red fox"
