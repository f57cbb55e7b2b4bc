"""Finding records by what they say: by whom, what is found, in which order."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import append_only, audit
from accounts.audit import index, searching
from accounts.audit.searching import Asked, newest
from accounts.events import Event
from accounts.groups import AUDITORS, REVIEWERS
from accounts.models import IndexedRecord, Record, RecordPayload, RecordTeam, User
from accounts.search import read_query
from generations import submission
from generations.models import Campaign
from tests.factories import make_user
from tests.generations.asking import DEMO, ask
from tests.generations.factories import make_finished_run
from tests.generations.test_views_studio import press
from tests.queries import queries_of
from tests.records import write

pytestmark = pytest.mark.django_db
RESOLUTION = timedelta(microseconds=1)


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
        assert events(found(reviewer, words="fox")) == ["run:submitted"]
        index.forget(Record.objects.filter(event=Event.RUN_SUBMITTED))
        assert found(reviewer, words="fox") == []
        assert events(found(reviewer, engine=DEMO)) == ["run:submitted"]
        RecordPayload.objects.update(salt=None, data=None)
        index.index_next(Record.objects.all(), after=0, again=True)
        assert found(reviewer, words="fox") == []


def test_what_is_erased_is_not_found_even_if_the_index_has_it(reviewer, alice):
    ask(alice, prompt="a red fox")
    RecordPayload.objects.update(salt=None, data=None)
    assert found(reviewer, words="fox") == []
    assert list(matching(reviewer, Asked(words="fox"))) == []


def test_text_that_is_erased_while_it_is_indexed_does_not_return(alice, monkeypatch):
    ask(alice, prompt="a red fox")
    read = index.data_of

    assert index.RECORDS.newest(read_query("fox"), team=alice.team_id, limit=5).rows

    def read_and_lose(record):
        data = read(record)
        RecordPayload.objects.update(salt=None, data=None)
        return data

    monkeypatch.setattr(index, "data_of", read_and_lose)
    index.index_next(Record.objects.all(), after=0, again=True)
    assert index.RECORDS.newest(read_query("fox"), team=alice.team_id, limit=5).rows == []


def test_nor_if_the_command_dies_before_it_has_looked_again(alice, monkeypatch):
    ask(alice, prompt="a red fox")
    IndexedRecord.objects.all().delete()
    write, calls = index.index_records, []

    def die_at_the_second(records, **more):
        calls.append(more)
        if len(calls) == 2:
            raise KeyboardInterrupt
        write(records, **more)

    monkeypatch.setattr(index, "index_records", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        index.index_next(Record.objects.all(), after=0)
    assert not IndexedRecord.objects.exists()


def test_the_command_indexes_what_is_missing(reviewer, alice, capsys):
    ask(alice, prompt="a red fox")
    IndexedRecord.objects.all().delete()
    assert found(reviewer, words="fox") == []
    missing, uses = Record.objects.count(), 3  # the record of each use is indexed with it
    call_command("index_log")
    assert events(found(reviewer, words="fox")) == ["run:submitted"]
    call_command("index_log")
    call_command("index_log", again=True)
    assert capsys.readouterr().out.split("\n") == [
        f"Indexed {number} records." for number in (missing, 0, missing + uses)
    ] + [""]


def test_matching_lists_all_records_of_the_runs_found_in_order(reviewer, alice, bob):
    ours = ask(alice, prompt="a red fox")
    ask(bob, prompt="a blue whale")
    write(Event.RECORD_READ, actor=reviewer, subject=ours, story=ours.uuid)
    records = list(matching(reviewer, Asked(words="fox")))
    assert records == list(Record.objects.filter(story=ours.uuid).order_by("pk"))
    assert {record.story for record in records} == {ours.uuid}
    rest = list(matching(reviewer, Asked(words="fox"), after=records[0].pk))
    assert rest == records[1:]
    chunks = list(searching.keys(reviewer, Asked(words="fox"), size=2))
    assert [key for chunk in chunks for key in chunk] == [record.pk for record in records]
    assert max(map(len, chunks)) <= 2


def test_what_is_asked_can_be_stored():
    now = timezone.now()
    asked = Asked(words="a fox", person=7, since=now, hash="ab" * 4, steps=True)
    stored = json.loads(json.dumps(asked.as_json()))
    assert stored == {
        "words": "a fox",
        "person": 7,
        "since": now.isoformat(),
        "hash": "abababab",
        "steps": True,
    }
    assert Asked.from_json(stored) == asked


class TestWhoFindsWhat:
    def test_only_what_the_reader_may_see(self, reviewer, alice, charlie, auditor):
        ours, theirs = ask(alice, prompt="a red fox"), ask(charlie, prompt="a red fox")
        their_reviewer = make_user(team=charlie.team, groups=[REVIEWERS])
        for reader, runs in (
            (reviewer, [ours]),
            (their_reviewer, [theirs]),
            (auditor, [theirs, ours]),
        ):
            assert [row.story for row in found(reader, words="fox")] == [run.uuid for run in runs]
            assert {row.story for row in matching(reader, Asked(words="fox"))} == {
                run.uuid for run in runs
            }
        assert [row.story for row in found(auditor, words="fox", team=alice.team_id)] == [ours.uuid]
        assert {row.story for row in matching(auditor, Asked(team=charlie.team_id))} >= {
            theirs.uuid
        }

    @pytest.mark.parametrize("by", ["number", "hash", "task", "event", "words"])
    def test_no_filter_reaches_into_another_team(self, reviewer, charlie, by):
        run = ask(charlie, prompt="a red fox")
        theirs = write(
            Event.GENERATION_RUNNING,
            actor=None,
            subject=run.generations.all()[0],
            story=run.uuid,
            facts={"task_id": "task-77"},
        )
        values = {
            "number": theirs.pk,
            "hash": bytes(theirs.leaf).hex(),
            "task": "task-77",
            "event": str(theirs.event),
            "words": "fox",
        }
        assert found(reviewer, **{by: values[by]}) == []
        # Not even a team that the URL names.
        assert found(reviewer, **{by: values[by]}, team=charlie.team_id) == []
        assert list(matching(reviewer, Asked(**{by: values[by]}, team=charlie.team_id))) == []

    def test_a_mover_takes_nothing_along_and_hides_nothing(self, reviewer, alice, charlie):
        run = ask(alice, prompt="a red fox")
        User.objects.filter(pk=alice.pk).update(team=charlie.team)
        new_reviewer = make_user(team=charlie.team, groups=[REVIEWERS])
        later = ask(User.objects.get(pk=alice.pk), prompt="another fox")
        assert [row.story for row in found(reviewer, words="fox")] == [run.uuid]
        assert [row.story for row in found(new_reviewer, words="fox")] == [later.uuid]
        assert run.uuid in {row.story for row in found(reviewer, person=alice.pk)}

    def test_a_team_mates_act_on_another_team_is_a_line_of_its_own(
        self, reviewer, bob, charlie, auditor
    ):
        theirs = ask(charlie)
        their_reviewer = make_user(team=charlie.team, groups=[REVIEWERS])
        act = write(Event.RECORD_READ, actor=bob, subject=theirs, story=theirs.uuid)
        assert act in found(reviewer, person=bob.pk)
        assert act in found(reviewer)
        assert act not in found(their_reviewer)
        assert act in audit.newest_visible_to(their_reviewer, None, size=50)[0]
        assert act not in found(auditor)

    def test_records_that_every_team_sees_are_found_beside_the_teams_own(self, reviewer, alice):
        first = write(Event.PROVIDER_ALERTED, actor=None, subject=alice.team)
        run = ask(alice)
        shown_to_all(first)
        last = write(Event.PROVIDER_ALERTED, actor=None, subject=alice.team)
        shown_to_all(last)
        rows = found(reviewer)
        assert [rows[0], rows[-1]] == [last, first]
        assert run.uuid in {row.story for row in rows}
        assert found(reviewer, event=str(Event.PROVIDER_ALERTED), until=timezone.now()) == [
            last,
            first,
        ]


def shown_to_all(record):
    """Make the record one of version 1 that concerns no team."""
    connection.check_constraints()
    with append_only.lifted(connection):
        RecordTeam.objects.filter(record=record).update(team=None)
    index.index_records(Record.objects.filter(pk=record.pk))


class TestFilters:
    def test_of_a_run(self, reviewer, alice, bob):
        first = ask(alice, prompt="a red fox", campaign="Spring")
        second = ask(bob, prompt="a red fox")
        campaign = str(Campaign.objects.get().uuid)
        assert stories(found(reviewer, campaign=campaign, words="fox")) == [first.uuid]
        assert stories(found(reviewer, engine=DEMO, words="fox")) == [second.uuid, first.uuid]
        assert stories(found(reviewer, person=bob.pk, words="fox")) == [second.uuid]
        assert found(reviewer, engine="other/engine", words="fox") == []

    def test_an_outcome_is_that_of_now(self, reviewer, alice):
        run = ask(alice, num_images=1, prompt="a red fox")
        assert stories(found(reviewer, status="pending")) == [run.uuid]
        submission.cancel(run.generations.get(), actor=alice)
        assert found(reviewer, status="pending") == []
        assert stories(found(reviewer, status="cancelled", words="fox")) == [run.uuid]

    def test_a_refused_request_has_an_outcome_too(self, reviewer, alice, sign_in):
        press(sign_in(alice), prompt="a red fox", num_images="99")
        assert events(found(reviewer, status="refused")) == ["run:refused"]

    def test_of_a_single_record(self, reviewer, alice):
        run = make_finished_run(alice)
        image = run.images.get()
        digest = "ab12" * 16
        record = write(
            Event.IMAGE_DOWNLOADED,
            actor=alice,
            subject=image,
            story=run.uuid,
            facts={"sha256": digest},
        )
        task = write(
            Event.GENERATION_RUNNING,
            actor=None,
            subject=run.generations.get(),
            story=run.uuid,
            facts={"task_id": "cgt-2026/77"},
        )
        for asked in (
            {"number": record.pk},
            {"hash": digest},
            {"hash": digest[:8]},
            {"hash": bytes(record.leaf).hex()},
            {"image": image.uuid.hex[:8]},
            {"hash": digest, "event": "image:downloaded", "person": alice.pk},
        ):
            assert found(reviewer, **asked) == [record], asked
        assert found(reviewer, task="cgt-2026/77") == [task]
        assert found(reviewer, hash=digest[:12] + "0000") == []
        assert found(reviewer, hash=digest, event="image:stored") == []

    def test_a_hash_in_a_payload_and_a_files_name(self, reviewer, alice):
        sent = write(
            Event.GENERATION_REQUESTED,
            actor=None,
            subject=make_finished_run(alice).generations.get(),
            story=alice.uuid,
            personal={"body_sha256": "cd" * 32},
        )
        name = "renditions/ab/cd.webp"
        damaged = write(Event.FILE_REFUSED, actor=None, subject=alice, facts={"name": name})
        assert found(reviewer, hash="cd" * 32) == [sent]
        assert found(reviewer, file=name.upper()) == [damaged]
        index.forget([sent])
        assert found(reviewer, hash="cd" * 32) == []
        assert found(reviewer, hash=bytes(sent.leaf).hex()) == [sent]

    def test_words_and_an_event_list_the_records_of_the_runs_found(self, reviewer, alice):
        fox, whale = ask(alice, prompt="a red fox"), ask(alice, prompt="a blue whale")
        acts = [
            write(Event.RECORD_READ, actor=reviewer, subject=run, story=run.uuid)
            for run in (fox, whale)
        ]
        assert found(reviewer, words="fox", event="record:read") == acts[:1]
        assert found(reviewer, words="fox", event="record:read", person=alice.pk) == []
        assert found(reviewer, words="fox", steps=True) == list(
            Record.objects.filter(story=fox.uuid).order_by("-pk")
        )

    def test_times_are_exact_even_if_keys_are_not_in_their_order(self, reviewer, alice):
        runs = [ask(alice, prompt="a red fox") for _ in range(3)]
        first, second, third = Record.objects.filter(event=Event.RUN_SUBMITTED).order_by("pk")
        connection.check_constraints()
        with append_only.lifted(connection):  # The clock was set back before the last one.
            Record.objects.filter(pk=third.pk).update(at=first.at - timedelta(hours=1))
        assert stories(found(reviewer, words="fox", since=first.at)) == [runs[1].uuid, runs[0].uuid]
        assert stories(found(reviewer, words="fox", until=second.at)) == [
            runs[2].uuid,
            runs[0].uuid,
        ]
        assert stories(matching(reviewer, Asked(words="fox", until=first.at))) == [runs[2].uuid]


def matching(reader, asked, **more):
    """The records of `searching.keys`."""
    return [
        Record.objects.get(pk=key) for keys in searching.keys(reader, asked, **more) for key in keys
    ]


def stories(records):
    return [record.story for record in records]


class TestCost:
    """A search stops after so many candidates, and goes on where it stopped."""

    def test_it_goes_on_where_it_stopped(self, reviewer, alice, monkeypatch):
        monkeypatch.setattr(searching, "BATCHES", (2, 2))
        runs = [ask(alice, prompt=f"a fox, number{n}") for n in range(7)]
        # Of the candidates, only the oldest is in the time asked for.
        end = Record.objects.get(story=runs[0].uuid, event=Event.RUN_SUBMITTED).at
        asked, before, steps, seen = Asked(words="fox", until=end + RESOLUTION), None, 0, []
        while True:
            listed = newest(reviewer, asked, before=before, size=1)
            seen += listed.records
            before = listed.rest
            steps += 1
            if before is None:
                break
        assert stories(seen) == [runs[0].uuid]
        assert steps > 1

    def test_nothing_is_lost_where_two_searches_stop_together(self, reviewer, alice, monkeypatch):
        monkeypatch.setattr(searching, "BATCHES", (2, 2))
        alerts = [write(Event.PROVIDER_ALERTED, actor=None, subject=alice.team) for _ in range(8)]
        for alert in alerts[::2]:
            shown_to_all(alert)
        asked, before, seen = Asked(event=str(Event.PROVIDER_ALERTED)), None, []
        while True:
            listed = newest(reviewer, asked, before=before, size=50)
            seen += listed.records
            before = listed.rest
            if before is None:
                break
        assert seen == alerts[::-1]

    def test_no_more_queries_for_many_candidates(self, reviewer, alice):
        asked = Asked(words="fox", status="pending", engine=DEMO)
        ask(alice, prompt="a red fox")
        few = queries_of(lambda: newest(reviewer, asked, size=50))
        for _ in range(10):
            ask(alice, prompt="a red fox")
        assert queries_of(lambda: newest(reviewer, asked, size=50)) == few
