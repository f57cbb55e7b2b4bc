"""A worker makes an export, starts it anew if it broke off, and gives up in the end."""

import errno
import gc
import hashlib
import json
import os
import tracemalloc
from datetime import timedelta
from unittest import mock
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.utils import timezone

from accounts import sealing
from accounts.audit import erasing, viewers
from accounts.events import Event
from accounts.evidence import archive, lines, selection, tables
from accounts.evidence.selection import ErasedMeanwhile
from accounts.models import Record, RecordPayload
from generations import storage
from generations.exports import ends
from generations.exports.registry import stored_name
from generations.jobs import in_hand, recovery
from generations.jobs.execution import exporting
from generations.jobs.worker import work_here
from generations.models import Export, Worker
from generations.models.export import OPEN
from generations.readiness import backlog
from generations.readiness.watch import EXPORTS_LATE
from tests.accounts.evidence.exports import run
from tests.generations.asking import ask as submit
from tests.generations.exports.conftest import WORKER
from tests.generations.factories import make_finished_run
from tests.records import write

pytestmark = pytest.mark.django_db

State = Export.State


@pytest.fixture
def records(alice, charlie):
    """Acts of two teams; a reviewer of Alice's sees every second one."""
    for number in range(6):
        for person in (alice, charlie):
            facts = {"changed": ["name"], "after": {"number": number}}
            write(Event.USER_CHANGED, actor=person, subject=person, facts=facts)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def unpacked(export, folder):
    with ZipFile(storage.originals().path(stored_name(export))) as archived:
        archived.extractall(folder)
    return folder


def lines_of(folder):
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


class TestWhatIsInIt:
    def test_a_reviewer_gets_what_the_log_shows_them_and_can_verify_it(
        self, records, reviewer, ask, make, tmp_path
    ):
        export = make(ask(reviewer))
        assert (export.state, export.problem) == (State.READY, "")
        lines = lines_of(unpacked(export, tmp_path / "out"))
        visible = viewers.visible_to(reviewer).filter(sealed__isnull=False)
        assert {line["record"]["id"] for line in lines} == {str(row.uuid) for row in visible}
        code, found = run(tmp_path / "out", "--all")
        assert (code, found["records"]) == (0, len(lines))
        assert found["left_out"] == export.facts["left_out"] > 0

    def test_an_auditor_gets_the_whole_log(self, records, auditor, ask, make, tmp_path):
        export = make(ask(auditor))
        code, found = run(unpacked(export, tmp_path / "out"))
        assert (code, found["left_out"]) == (0, 0)
        assert found["records"] == found["sealed"] == export.facts["records"]

    def test_a_filter_holds_for_the_file(self, records, reviewer, alice, ask, make, tmp_path):
        filters = {"filters": {"person": str(alice.uuid)}, "asked": {"person": alice.pk}}
        export = make(ask(reviewer, **filters))
        lines = lines_of(unpacked(export, tmp_path / "out"))
        assert {line["record"]["actor"] for line in lines} == {str(alice.uuid)}
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
        assert manifest["filters"] == filters["filters"]

    def test_words_of_prompts_choose_runs_with_all_their_records(
        self, alice, reviewer, ask, make, tmp_path
    ):
        fox = submit(alice, prompt="a red fox")
        submit(alice, prompt="a grey wolf")
        export = make(ask(reviewer, filters={"q": "fox"}, asked={"words": "fox"}))
        lines = lines_of(unpacked(export, tmp_path / "out"))
        assert {line["record"]["facts"].get("story") for line in lines} == {str(fox.uuid)}
        assert run(tmp_path / "out")[0] == 0

    def test_pictures_of_other_teams_are_not_in_it(
        self, alice, charlie, reviewer, ask, make, tmp_path
    ):
        ours, theirs = (
            make_finished_run(each, files=True).images.get() for each in (alice, charlie)
        )
        for image, actor in ((ours, None), (theirs, reviewer)):
            known = {row.recipe: row.sha256 for row in image.renditions.all()}
            story, facts = image.run.uuid, {"renditions": known}
            write(Event.IMAGE_STORED, actor=actor, subject=image, story=story, facts=facts)
        export = make(ask(reviewer, "pictures"))
        pictures = list((unpacked(export, tmp_path / "out") / "pictures").iterdir())
        assert [path.stem for path in pictures] == [str(ours.uuid)]
        assert run(tmp_path / "out")[0] == 0

    @pytest.mark.parametrize("format", ["jsonl", "csv"])
    def test_the_other_formats(self, records, reviewer, ask, make, format):
        export = make(ask(reviewer, format))
        text = storage.read(storage.originals(), stored_name(export)).decode("utf-8-sig")
        heading = format == "csv"
        assert len(text.splitlines()) == export.facts["records"] + heading

    def test_its_hash_and_extent_are_on_the_record(self, records, reviewer, ask, make):
        export = make(ask(reviewer))
        data = storage.read(storage.originals(), stored_name(export))
        assert export.sha256 == hashlib.sha256(data).hexdigest()
        facts = Record.objects.get(event=Event.EXPORT_MADE).facts
        assert facts == export.facts | {
            "kind": "log",
            "format": "zip",
            "bytes": len(data),
            "sha256": export.sha256,
        }

    def test_records_may_be_written_and_sealed_meanwhile(
        self, records, alice, auditor, ask, make, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(archive, "BATCH", 2)

        def work_of_others():
            write(Event.USER_SIGNED_OUT, actor=alice, subject=alice)
            sealing.seal()
            return False

        export = make(ask(auditor), is_closed=work_of_others)
        assert Record.objects.filter(event=Event.USER_SIGNED_OUT).count() > 3
        assert run(unpacked(export, tmp_path / "out"), "--all")[0] == 0

    def test_of_no_record_there_is_no_export(self, reviewer, ask, make, own_files):
        export = make(ask(reviewer, asked={"person": 0}, filters={"person": "nobody"}))
        assert (export.state, export.problem) == (
            State.FAILED,
            "No sealed record fits the filters.",
        )
        assert files(own_files) == []

    def test_who_may_no_longer_read_the_log_gets_none(self, records, reviewer, ask, make):
        export = ask(reviewer)
        reviewer.groups.clear()
        assert make(export).problem == "You may no longer read what you asked for."


@pytest.mark.django_db(transaction=True)
def test_a_worker_finds_it_without_being_told(alice, auditor, ask):
    write(Event.USER_SIGNED_OUT, actor=alice, subject=alice)
    export = ask(auditor)
    work_here(lambda: not Export.objects.filter(state__in=OPEN).exists())
    export.refresh_from_db()
    assert (export.state, export.problem) == (State.READY, "")


def test_memory_does_not_grow_with_the_records(alice, auditor, ask, make, own_files):
    """Records of 100 kB each, of which few are ever in memory."""
    for _ in range(120):
        write(Event.RUN_REFUSED, actor=alice, subject=alice, personal={"prompt": "x" * 100_000})
    make(ask(auditor, "jsonl"))  # which seals and loads what is needed
    export = ask(auditor, "jsonl")
    rarely = gc.get_threshold()
    with mock.patch.object(lines, "BATCH", 5), mock.patch.object(tables, "BATCH", 5):
        gc.collect()
        gc.set_threshold(700, 10, 10)  # Python's own, as in the studio
        tracemalloc.start()
        try:
            make(export)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            gc.set_threshold(*rarely)
    export.refresh_from_db()
    assert export.bytes > 12_000_000
    assert peak < 9_000_000


class TestTrouble:
    def test_a_full_disk_ends_it_with_a_sentence_and_leaves_nothing(
        self, records, reviewer, ask, make, own_files, monkeypatch
    ):
        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(archive, "_write_seal", full)
        export = make(ask(reviewer))
        assert (export.state, "disk is full" in export.problem) == (State.FAILED, True)
        assert files(own_files) == []
        assert Record.objects.get(event=Event.EXPORT_FAILED).facts["problem"] == export.problem

    def test_any_error_starts_it_anew_at_most_so_often(
        self, records, reviewer, ask, make, own_files, monkeypatch
    ):
        def broken(*_):
            raise RuntimeError("a fault of the studio's own")

        monkeypatch.setattr(archive, "_write_seal", broken)
        export = ask(reviewer)
        for number in range(1, exporting.MAX_TRIES + 1):
            with pytest.raises(RuntimeError):
                make(export)
            export.refresh_from_db()
            assert (export.state, export.tries, export.claimed_by) == (State.WAITING, number, "")
            assert export.next_action_at > timezone.now()
            Export.objects.update(next_action_at=timezone.now())
        export = make(export)
        assert (export.state, "tried 5 times" in export.problem) == (State.FAILED, True)
        assert files(own_files) == []

    def test_a_stop_of_the_worker_uses_up_no_try(self, records, reviewer, ask, make, own_files):
        export = make(ask(reviewer), is_closed=lambda: True)
        assert (export.state, export.tries, export.claimed_by) == (State.WAITING, 0, "")
        assert files(own_files) == []
        assert make(export).state == State.READY

    def test_what_is_never_finished_is_given_up_after_a_day(self, records, reviewer, ask, make):
        export = ask(reviewer)
        Export.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert make(export).state == State.FAILED

    def test_what_a_dead_worker_had_begun_is_made_by_another(self, records, reviewer, ask, make):
        export = ask(reviewer)
        Worker.objects.create(pk="alive", queues="images", seen_at=timezone.now())
        self.claimed_by(export, "alive")
        assert recovery.recover()["exports"] == 0
        self.claimed_by(export, "dead")
        assert recovery.recover()["exports"] == 1
        assert make(export).state == State.READY

    def test_what_its_worker_has_forgotten_is_free(self, reviewer, ask):
        export = ask(reviewer)
        self.claimed_by(export, WORKER)
        with in_hand.shift():
            in_hand.take(WORKER, export)
            assert recovery.free_forgotten(WORKER) == 0
        assert recovery.free_forgotten(WORKER) == 1
        assert exporting.due().get() == export

    def test_what_stands_still_is_started_anew_and_the_old_worker_writes_nothing_more(
        self, records, reviewer, ask, make
    ):
        export = ask(reviewer)
        Worker.objects.create(pk="hangs", queues="images", seen_at=timezone.now())
        self.claimed_by(export, "hangs", next_action_at=timezone.now() - timedelta(hours=1))
        stale = Export.objects.get()
        assert recovery.recover()["exports"] == 1
        assert make(export).state == State.READY
        assert not ends.finish(stale, bytes=1, sha256="0" * 64, facts={})
        assert Record.objects.filter(event=Event.EXPORT_MADE).count() == 1

    def test_an_export_that_is_deleted_while_it_is_made_leaves_no_file(
        self, records, reviewer, ask, make, own_files
    ):
        export = ask(reviewer)

        def delete_it():
            ends.delete(Export.objects.get(), actor=reviewer)
            return False

        assert make(export, is_closed=delete_it).state == State.DELETED
        assert files(own_files) == []

    @pytest.mark.parametrize("is_stored_first", [False, True])
    def test_nor_if_something_is_erased_while_its_file_is_stored(
        self, records, reviewer, ask, make, own_files, monkeypatch, is_stored_first
    ):
        keep = storage.keep

        def keep_while_erasing(name, part):
            acts = [lambda: keep(name, part), ends.withdraw_all]
            for act in acts if is_stored_first else reversed(acts):
                act()
            assert [export.uuid for export in ends.unremoved()] == [asked.uuid]

        asked = ask(reviewer)
        monkeypatch.setattr(storage, "keep", keep_while_erasing)
        export = make(asked)
        assert (export.state, export.is_stored, export.claimed_by) == (State.DELETED, False, "")
        assert not ends.unremoved()
        assert files(own_files) == []

    def test_nor_if_the_worker_had_lost_its_claim_long_before(
        self, records, reviewer, ask, make, own_files, monkeypatch
    ):
        keep = storage.keep

        def keep_late(name, part):
            ends.withdraw_all()
            Export.objects.update(claimed_by="")
            ends.tidy()
            assert not ends.unremoved()
            keep(name, part)

        monkeypatch.setattr(storage, "keep", keep_late)
        monkeypatch.setattr(storage, "remove_parts", lambda owner: None)  # on another machine
        assert make(ask(reviewer)).state == State.DELETED
        assert files(own_files) == []
        assert not ends.unremoved()

    @pytest.mark.parametrize("is_this_process", [False, True])
    def test_nor_if_the_worker_dies_after_storing_what_was_withdrawn(
        self, records, reviewer, ask, own_files, is_this_process
    ):
        export = ask(reviewer)
        Worker.objects.create(pk=WORKER, queues="images", seen_at=timezone.now())
        self.claimed_by(export, WORKER if is_this_process else "dead", is_stored=True)
        ends.withdraw_all()
        for folder, name in (
            ("exports", f"{export.uuid}.zip"),
            (".parts", f"{export.uuid}-7.part"),
        ):
            (own_files / folder).mkdir(parents=True, exist_ok=True)
            (own_files / folder / name).write_bytes(b"a red fox")
        ends.tidy()
        assert len(ends.unremoved()) == 1  # the worker may still be storing it
        if is_this_process:
            assert recovery.free_forgotten(WORKER) == 1
        else:
            assert recovery.recover()["exports"] == 1
        ends.tidy()
        assert not ends.unremoved()
        assert files(own_files) == []

    def test_personal_text_that_is_erased_meanwhile_is_not_in_it(
        self, records, reviewer, ask, make, own_files, monkeypatch
    ):
        def erased(before):
            raise ErasedMeanwhile

        monkeypatch.setattr(selection, "refuse_erased", erased)
        export = make(ask(reviewer))
        assert (export.state, files(own_files)) == (State.WAITING, [])

    def test_one_of_the_whole_log_waits_until_erasures_are_sealed(
        self, auditor, alice, reviewer, ask, make, monkeypatch, tmp_path
    ):
        write(Event.USER_CHANGED, actor=alice, subject=alice, personal={"after": {"name": "A"}})
        sealing.seal(most_batches=None)
        erasing.empty(
            list(RecordPayload.objects.all()),
            actor=auditor,
            subject=alice,
            story=None,
            facts={"erasure": str(uuid4()), "scope": "person"},
            reason="",
        )
        with monkeypatch.context() as patch:
            patch.setattr(sealing, "seal", mock.Mock(side_effect=sealing.Stopped("key_lost")))
            whole, chosen = make(ask(auditor)), make(ask(reviewer))
        assert (whole.state, chosen.state) == (State.WAITING, State.READY)
        assert run(unpacked(chosen, tmp_path / "chosen"))[0] == 0
        Export.objects.update(next_action_at=timezone.now())
        whole = make(whole)
        assert whole.state == State.READY
        assert run(unpacked(whole, tmp_path / "whole"))[0] == 0

    def test_admins_are_told_of_one_that_nobody_begins(self, reviewer, ask):
        ask(reviewer)
        assert not backlog.exports_late(timezone.now() - EXPORTS_LATE)
        Export.objects.update(next_action_at=timezone.now() - 2 * EXPORTS_LATE)
        assert backlog.exports_late(timezone.now() - EXPORTS_LATE)

    def test_a_file_that_grows_too_large_is_given_up(
        self, records, reviewer, ask, make, own_files, monkeypatch
    ):
        monkeypatch.setattr(exporting, "MOST_BYTES", 10)
        export = make(ask(reviewer))
        assert (export.state, "larger than" in export.problem) == (State.FAILED, True)
        assert files(own_files) == []

    def claimed_by(self, export, worker, **values):
        values = {"next_action_at": timezone.now()} | values
        Export.objects.filter(pk=export.pk).update(
            state=State.MAKING, claimed_by=worker, tries=1, **values
        )
