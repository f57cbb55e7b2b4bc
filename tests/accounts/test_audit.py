"""Records: canonical bytes, separate personal text, and no act without its record."""

import datetime as dt
import hashlib
import json
import uuid

import pytest
from django.db import transaction

from accounts import audit
from accounts.audit.canonical import timestamp
from accounts.events import Event
from accounts.models import Record, RecordPayload


def write(actor, **more):
    with transaction.atomic():
        return audit.record(Event.USER_CHANGED, actor=actor, subject=actor, **more)


class TestCanonicalForm:
    def test_is_sorted_compact_and_unescaped(self):
        value = {"b": [1, True, None], "a": "生成 “x”"}
        assert audit.canonical_bytes(value) == '{"a":"生成 “x”","b":[1,true,null]}'.encode()

    def test_times_have_six_decimals_and_z(self):
        lisbon = dt.timezone(dt.timedelta(hours=1))
        moment = dt.datetime(2026, 11, 21, 5, 6, 7, tzinfo=lisbon)
        assert timestamp(moment) == "2026-11-21T04:06:07.000000Z"

    @pytest.mark.parametrize(
        "value",
        [1.5, 1.0, float("nan"), b"x", uuid.UUID(int=1), (1,), {"a": [0.1]}, {"a": [1, (2,)]}]
        + [{key: "x"} for key in (1, None, True)],
        ids=repr,
    )
    def test_other_kinds_are_refused(self, value):
        with pytest.raises(TypeError):
            audit.canonical_bytes(value)

    @pytest.mark.parametrize("value", ["a\x00b", "\ud800", {"\x00": 1}])
    def test_text_that_cannot_be_kept_is_refused(self, value):
        with pytest.raises(ValueError):  # noqa: PT011  # UnicodeEncodeError is one
            audit.canonical_bytes(value)

    def test_text_that_only_looks_like_an_escape_is_kept(self):
        assert audit.canonical_bytes("\\u0000") == b'"\\\\u0000"'

    def test_a_known_record_has_a_known_leaf(self):
        record = Record(
            uuid=uuid.UUID("11111111-2222-3333-4444-555555555555"),
            at=dt.datetime(2026, 11, 21, 4, 5, 6, 7, tzinfo=dt.UTC),
            event=Event.RUN_SUBMITTED,
            subject_kind="run",
            subject_id=uuid.UUID("99999999-8888-7777-6666-555555555555"),
            facts={"images": 4},
        )
        expected = (
            b'{"actor":null,"at":"2026-11-21T04:05:06.000007Z","event":"run:submitted",'
            b'"facts":{"images":4},"id":"11111111-2222-3333-4444-555555555555",'
            b'"personal":null,"subject":{"id":"99999999-8888-7777-6666-555555555555",'
            b'"kind":"run"},"v":1}'
        )
        assert audit.record_bytes(record, actor=None) == expected
        assert audit.leaf_hash(expected) == hashlib.sha256(b"\x00" + expected).digest()


@pytest.mark.django_db
class TestRecording:
    def test_every_leaf_can_be_made_again_from_the_stored_rows(self, alice, bob):
        write(alice, facts={"after": {"list": [1, "a", None, True], "é": "ü"}})
        write(bob, story=uuid.uuid4(), personal={"before": {"prompt": "红 “ridge” 🎨", "n": 2}})
        write(alice)
        records = Record.objects.select_related("actor", "payload")
        assert records.count() == 3
        for record in records:
            canonical = audit.record_bytes(record, actor=str(record.actor.uuid))
            assert bytes(record.leaf) == hashlib.sha256(b"\x00" + canonical).digest()
            payload = RecordPayload.objects.filter(record=record).first()
            assert (payload is None) == (record.personal is None)
            if payload:
                salted = bytes(payload.salt) + audit.canonical_bytes(payload.data)
                assert record.personal == hashlib.sha256(salted).hexdigest()
        assert RecordPayload.objects.count() == 1

    def test_personal_text_is_in_the_payload_alone(self, alice):
        record = write(alice, personal={"after": {"prompt": "secret fox"}})
        assert "secret fox" not in json.dumps(record.facts)
        assert record.payload.data == {"after": {"prompt": "secret fox"}}
        assert len(record.payload.salt) == 32

    def test_the_story_is_part_of_the_facts(self, alice):
        story = uuid.uuid4()
        assert write(alice, story=story).facts == {"story": str(story)}

    def test_an_emptied_payload_leaves_the_record_provable(self, alice):
        record = write(alice, personal={"after": {"prompt": "secret fox"}})
        RecordPayload.objects.filter(record=record).update(salt=None, data=None)
        record.refresh_from_db()
        canonical = audit.record_bytes(record, actor=str(alice.uuid))
        assert bytes(record.leaf) == audit.leaf_hash(canonical)

    def test_what_cannot_be_recorded_is_not_done(self, alice):
        def rename():
            alice.name = "Changed"
            alice.save()
            audit.record(
                Event.USER_CHANGED, actor=alice, subject=alice, facts={"after": {"x": 0.5}}
            )

        with pytest.raises(TypeError):
            transaction.atomic(rename)()
        alice.refresh_from_db()
        assert alice.name != "Changed"
        assert not Record.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_record_without_a_transaction_is_refused(alice):
    with pytest.raises(transaction.TransactionManagementError):
        audit.record(Event.USER_CHANGED, actor=alice, subject=alice)
