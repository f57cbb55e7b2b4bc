"""Finding records by what they say: by whom, what is found, in which order."""

import pytest

from accounts.audit import index
from accounts.audit.searching import Asked, matching, newest
from accounts.events import Event
from accounts.groups import AUDITORS
from accounts.models import Record, RecordPayload
from tests.factories import make_user
from tests.generations.asking import DEMO, ask
from tests.generations.factories import make_finished_run
from tests.generations.test_views_studio import press
from tests.records import write

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor():
    return make_user(groups=[AUDITORS])


def found(reader, **asked):
    return newest(reader, Asked(**asked), size=50).records


def events(records):
    return [str(record.event) for record in records]


class TestWords:
    def test_a_delivered_and_a_refused_prompt_are_found(self, reviewer, alice, sign_in):
        ask(alice, prompt="a red fox in the snow")
        press(sign_in(alice), prompt="a red fox on the moon", num_images="99")
        ask(alice, prompt="a blue whale")
        assert events(found(reviewer, words="red fox")) == ["run:refused", "run:submitted"]
        assert events(found(reviewer, words="fox moo")) == ["run:refused"]
        assert found(reviewer, words="red whale") == []
        assert found(reviewer, words="!?") == []

    def test_a_reason_at_a_step_of_a_run_is_found(self, reviewer, alice):
        run = make_finished_run(alice)
        reason = {"reason": "the print shop asks"}
        image = run.images.get()
        write(
            Event.ORIGINAL_DOWNLOADED, actor=alice, subject=image, story=run.uuid, personal=reason
        )
        assert events(found(reviewer, words="print shop")) == ["original:downloaded"]

    def test_forgotten_records_are_found_by_their_facts_alone(self, reviewer, alice):
        ask(alice, prompt="a red fox")
        index.forget(Record.objects.filter(event=Event.RUN_SUBMITTED))
        assert found(reviewer, words="fox") == []
        assert events(found(reviewer, engine=DEMO)) == ["run:submitted"]
        RecordPayload.objects.update(salt=None, data=None)
        index.index_next(Record.objects.all(), after=0, again=True)
        assert found(reviewer, words="fox") == []


def test_matching_lists_all_records_of_the_runs_found_in_order(reviewer, alice, bob):
    ours = ask(alice, prompt="a red fox")
    ask(bob, prompt="a blue whale")
    write(Event.RECORD_READ, actor=reviewer, subject=ours, story=ours.uuid)
    records = list(matching(reviewer, Asked(words="fox")))
    assert records == list(Record.objects.filter(story=ours.uuid).order_by("pk"))
    assert {record.story for record in records} == {ours.uuid}
    rest = list(matching(reviewer, Asked(words="fox"), after=records[0].pk))
    assert rest == records[1:]
