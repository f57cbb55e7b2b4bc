"""Sealing: gap-free places, signed checkpoints, one sealer at a time, and what stops it."""

import io
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts import append_only, audit, sealing, tasks
from accounts.events import Event
from accounts.models import Checkpoint, Leaf, Record, SealState, Subtree, Unsealed
from accounts.sealing import keys, notes, sealer, stored
from tests.accounts.sealing.test_tree import includes, mth
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


def leaves():
    return [bytes(leaf) for leaf in Leaf.objects.order_by("place").values_list("leaf", flat=True)]


def newest():
    return Checkpoint.objects.latest("pk")


def change(sql, *params):
    """Change the database behind the studio's back.

    PostgreSQL can't alter a table while foreign keys are still to be checked.
    """
    connection.check_constraints()
    with append_only.lifted(connection), connection.cursor() as cursor:
        cursor.execute(sql, params)
        connection.check_constraints()


class TestSealing:
    def test_a_record_waits_until_it_is_sealed(self, write):
        record = write()
        assert Unsealed.objects.get().record == record
        sealing.seal()
        assert not Unsealed.objects.exclude(record__event=Event.LOG_SEALING_BEGAN).exists()
        assert bytes(record.sealed.leaf) == record.leaf

    def test_an_act_that_is_undone_leaves_nothing_to_seal(self, write):
        def undo():
            with transaction.atomic():
                write()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            undo()
        assert not Unsealed.objects.exists()

    def test_places_follow_the_keys_of_the_records_without_gaps(self, write):
        records = [write() for _ in range(3)]
        sealing.seal()
        records.append(write())
        sealing.seal()
        places = Leaf.objects.order_by("place").values_list("place", "record")
        began = Record.objects.get(event=Event.LOG_SEALING_BEGAN)
        in_order = sorted([*records, began], key=lambda record: record.pk)
        assert list(places) == [(place, each.pk) for place, each in enumerate(in_order)]

    def test_each_batch_ends_with_a_signed_checkpoint_of_the_tree(self, write_many, monkeypatch):
        monkeypatch.setattr(sealer, "BATCH", 5)
        write_many(12)
        assert sealing.seal() == 13  # with the record that says that sealing began
        assert [each.size for each in Checkpoint.objects.order_by("pk")] == [5, 10, 13]
        for row in Checkpoint.objects.all():
            head = notes.verify(row.note, keys.public_keys())
            assert head.root == bytes(row.root) == mth(leaves()[: row.size])
            assert (head.size, head.at, head.origin) == (row.size, row.at, keys.origin())

    def test_one_call_seals_a_bounded_number_and_the_next_goes_on(self, write_many, monkeypatch):
        monkeypatch.setattr(sealer, "BATCH", 5)
        write_many(12)
        assert sealing.seal(most_batches=2) == 10
        assert sealing.seal(most_batches=2) == 3

    def test_nothing_new_makes_no_checkpoint_and_costs_one_read(self, write):
        write()
        sealing.seal()
        assert queries_of(sealing.seal) == 1
        assert Checkpoint.objects.count() == 1

    def test_complete_subtrees_are_stored_and_used(self, write_many):
        write_many(2050)
        sealing.seal()
        write_many(30)
        sealing.seal()
        all_leaves = leaves()
        stored_roots = {(row.level, row.index): bytes(row.hash) for row in Subtree.objects.all()}
        assert stored_roots == {
            (10, 0): mth(all_leaves[:1024]),
            (10, 1): mth(all_leaves[1024:2048]),
        }
        assert bytes(newest().root) == mth(all_leaves)
        proof = stored.tree(newest().size).inclusion_proof(7)
        assert includes(7, 2081, all_leaves[7], proof, mth(all_leaves))

    def test_the_first_record_of_the_seal_says_how_many_were_there_before(self, write):
        for _ in range(3):
            write()
        sealing.seal()
        began = Record.objects.get(event=Event.LOG_SEALING_BEGAN)
        assert began.facts == {"records_before": 3, "key": keys.newest().vkey}

    def test_a_clock_that_is_set_back_makes_no_older_checkpoint(self, write, monkeypatch):
        write()
        sealing.seal()
        first = newest()
        write()
        monkeypatch.setattr(
            sealer.timezone, "now", lambda now=timezone.now: now() - timedelta(days=1)
        )
        sealing.seal()
        assert (newest().size, newest().at) == (first.size + 1, first.at)

    def test_a_disk_that_is_full_leaves_nothing_half_sealed_and_the_next_call_goes_on(
        self, write, monkeypatch
    ):
        write()
        add = stored.add

        def full(first, leaves, nodes):
            add(first, list(leaves), nodes)
            raise OperationalError("database or disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(stored, "add", full)
            with pytest.raises(OperationalError):
                sealing.seal()
        assert not Leaf.objects.exists()
        assert not Checkpoint.objects.exists()
        assert sealing.seal() == Leaf.objects.count() == 2
        assert bytes(newest().root) == mth(leaves())

    def test_a_record_that_waits_twice_gets_one_place(self, write):
        record = write()
        sealing.seal()
        Unsealed.objects.create(record=record, since=timezone.now())
        write()
        assert sealing.seal() == 1
        assert not Unsealed.objects.exists()
        assert stored.leaf_count() == 3

    def test_a_leaf_that_is_no_hash_stays_behind_and_stops_nothing(self, write):
        bad = write()
        change("UPDATE accounts_record SET leaf = %s WHERE id = %s", b"short", bad.pk)
        write()
        assert sealing.seal() == 2
        assert Unsealed.objects.get().record == bad

    def test_the_task_seals_and_copies(self, write, checkpoints, settings):
        write()
        tasks.seal()
        assert checkpoints() == [newest().note]
        assert settings.CELERY_BEAT_SCHEDULE["seal"]["task"] == tasks.seal.name

    def test_the_command_says_what_was_sealed(self, write, checkpoints):
        write()
        out = io.StringIO()
        call_command("seal_audit", stdout=out)
        assert out.getvalue() == (
            f"Sealed 2 records.\nThe log has 2 sealed records.\nRoot: {mth(leaves()).hex()}\n"
        )
        assert checkpoints() == [newest().note]


class TestNothingIsSignedOnTopOfAChangedLog:
    @pytest.fixture(autouse=True)
    def _sealed(self, write):
        write()
        write()
        sealing.seal()
        write()

    def stops(self, code):
        before = Checkpoint.objects.count(), Leaf.objects.count(), Unsealed.objects.count()
        with pytest.raises(sealing.Stopped) as stopped:
            sealing.seal()
        after = Checkpoint.objects.count(), Leaf.objects.count(), Unsealed.objects.count()
        assert (stopped.value.code, SealState.objects.get().trouble) == (code, code)
        return before == after

    def test_a_changed_leaf(self):
        change("UPDATE accounts_leaf SET leaf = %s WHERE place = 1", bytes(32))
        assert self.stops("tree_broken")

    def test_a_removed_leaf(self):
        change("DELETE FROM accounts_leaf WHERE place = 1")
        assert self.stops("tree_broken")

    def test_a_removed_last_leaf(self):
        change("DELETE FROM accounts_leaf WHERE place = 2")
        assert self.stops("tree_broken")

    def test_an_added_leaf(self, write):
        record = write()
        with transaction.atomic():
            Leaf.objects.create(place=3, record=record, leaf=record.leaf)
        assert self.stops("tree_broken")

    def test_all_checkpoints_removed(self):
        change("DELETE FROM accounts_checkpoint")
        assert self.stops("tree_broken")

    def test_a_checkpoint_that_fits_a_changed_tree_but_is_not_signed(self):
        change("UPDATE accounts_leaf SET leaf = %s WHERE place = 1", bytes(32))
        change("UPDATE accounts_checkpoint SET root = %s", mth(leaves()))
        assert self.stops("checkpoint_forged")

    def test_a_checkpoint_that_another_key_signed(self):
        forger = notes.Signer(keys.origin(), b"f" * 32)
        head = notes.Head(keys.origin(), 3, bytes(newest().root), newest().at)
        change("UPDATE accounts_checkpoint SET note = %s", notes.write(head, [forger]))
        assert self.stops("checkpoint_forged")

    def test_a_public_key_that_is_damaged(self):
        change("UPDATE accounts_logkey SET vkey = 'x'")
        assert self.stops("public_key_damaged")

    def test_the_command_says_why(self):
        change("DELETE FROM accounts_leaf WHERE place = 2")
        with pytest.raises(CommandError, match="the log has been changed"):
            call_command("seal_audit")

    def test_the_task_logs_it_once_and_goes_on_when_it_is_mended(self, caplog):
        kept = bytes(Leaf.objects.get(place=1).leaf)
        change("UPDATE accounts_leaf SET leaf = %s WHERE place = 1", bytes(32))
        for _ in range(3):
            tasks.seal()
        assert caplog.text.count("Records are not sealed") == 1
        change("UPDATE accounts_leaf SET leaf = %s WHERE place = 1", kept)
        tasks.seal()
        assert not Unsealed.objects.exists()
        assert SealState.objects.get().trouble == ""

    def test_damage_that_an_operator_accepts_is_signed_and_sealing_goes_on(self, write):
        change("UPDATE accounts_leaf SET leaf = %s WHERE place = 1", bytes(32))
        assert sealing.seal(after_damage=True) == 1
        assert bytes(newest().root) == mth(leaves())
        write()
        assert sealing.seal() == 1


@pytest.mark.django_db(transaction=True)
class TestSeveralProcesses:
    def in_thread(self, act):
        """Run `act` with a connection of its own; returns what it returned."""
        results = []

        def run():
            try:
                results.append(act())
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return results[0]

    def test_a_transaction_that_stays_open_is_sealed_when_it_commits(self, write, alice):
        """On SQLite nobody else writes meanwhile, and the sealer finds nothing to wait for."""
        write()
        sealing.seal()
        with transaction.atomic():
            late = audit.record(Event.USER_CHANGED, actor=alice, subject=alice)
            others = 3 if connection.vendor == "postgresql" else 0
            assert self.in_thread(lambda: [write() for _ in range(others)]) is not None
            assert self.in_thread(sealing.seal) == others
        assert late.pk == Record.objects.latest("pk").pk - others
        assert sealing.seal() == 1
        assert late.sealed.place == 2 + others
        assert bytes(newest().root) == mth(leaves())

    def test_two_sealers_at_once_give_each_record_one_place(self, write_many, monkeypatch):
        monkeypatch.setattr(sealer, "BATCH", 10)
        write_many(60)
        gate = threading.Barrier(2)

        def run():
            try:
                gate.wait(30)
                sealing.seal()
            finally:
                connection.close()

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if connection.vendor == "postgresql":
            with transaction.atomic():
                keys.lock()
                assert self.in_thread(sealing.seal) == 0
        sealing.seal()
        assert stored.leaf_count() == Leaf.objects.count() == Record.objects.count()
        assert Record.objects.filter(event=Event.LOG_SEALING_BEGAN).count() == 1
        assert len(keys.public_keys()) == 1
        assert bytes(newest().root) == mth(leaves())
