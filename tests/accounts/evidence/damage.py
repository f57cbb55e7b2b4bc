"""What the owner of a database can do to a sealed log, with the triggers dropped and put back.

Each function takes a random number generator, changes the log, and returns the place at which
`verify_audit` must find the damage, if it is at a place.
"""

import datetime as dt
import json
import uuid
from contextlib import contextmanager, suppress

from django.db import connection, transaction
from django.utils import timezone

from accounts import append_only, audit
from accounts.models import Checkpoint, Leaf, Record, RecordPayload, RecordTeam, Subtree
from accounts.sealing import witnesses


def change(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        assert cursor.rowcount, sql


def run(damage, chance):
    """Do the damage with the triggers away."""
    connection.check_constraints()
    with append_only.lifted(connection):
        place = damage(chance)
        connection.check_constraints()
    return place


@contextmanager
def undone():
    """Undo what the block does to the database."""
    with suppress(_Undo), transaction.atomic():
        yield
        raise _Undo


class _Undo(Exception):
    pass


def is_named(found, place):
    """Whether damage was found at this place, in a range that has it, or in the unproven rest."""
    integrity, complete = found["integrity"], found["complete"]
    if integrity["ok"] and complete["ok"]:
        return False
    ranges = [*complete["missing"], *([integrity["between"]] if integrity["between"] else [])]
    is_within = any(first <= (place or 0) <= last for first, last in ranges)
    is_unproven = complete["missing"] and (place or 0) > (found["proven"] or [-1])[-1]
    return place is None or is_within or is_unproven or integrity["first_bad"] == place


def any_place(chance):
    return chance.randrange(1, Leaf.objects.count() - 1)


def record_at(place):
    return Record.objects.select_related("actor").get(sealed__place=place)


def with_payload(chance):
    places = Leaf.objects.filter(record__payload__isnull=False).order_by("place")
    return chance.choice(list(places.values_list("place", flat=True)))


def record_flipped(chance):
    place = any_place(chance)
    change("UPDATE accounts_record SET subject_kind = 'x' WHERE id = %s", record_at(place).pk)
    return place


def facts_flipped(chance):
    place = any_place(chance)
    change("""UPDATE accounts_record SET facts = '{"n": 99}' WHERE id = %s""", record_at(place).pk)
    return place


def actor_flipped(chance):
    place = any_place(chance)
    change(
        "UPDATE accounts_record SET actor_id = CASE WHEN actor_id IS NULL THEN "
        "(SELECT MIN(id) FROM accounts_user) ELSE NULL END WHERE id = %s",
        record_at(place).pk,
    )
    return place


def story_flipped(chance):
    place = any_place(chance)
    change("UPDATE accounts_record SET story = %s WHERE id = %s", _uuid(), record_at(place).pk)
    return place


def payload_flipped(chance):
    place = with_payload(chance)
    new = json.dumps({"prompt": "another"})
    key = record_at(place).pk
    change("UPDATE accounts_recordpayload SET data = %s WHERE record_id = %s", new, key)
    return place


def payload_not_canonical(chance):
    return payload_at(with_payload(chance))


def payload_at(place):
    """Give the payload at `place` a number that no record of the studio has."""
    sql = "UPDATE accounts_recordpayload SET data = '{\"x\": 0.5}' WHERE record_id = %s"
    change(sql, record_at(place).pk)
    return place


def payload_emptied(chance):
    place = with_payload(chance)
    key = record_at(place).pk
    change("UPDATE accounts_recordpayload SET data = NULL, salt = NULL WHERE record_id = %s", key)
    return place


def payload_deleted(chance):
    place = with_payload(chance)
    RecordPayload.objects.filter(record=record_at(place))._raw_delete("default")
    return place


def teams_flipped(chance):
    row = chance.choice(list(RecordTeam.objects.order_by("pk")))
    change("UPDATE accounts_recordteam SET event = 'user:invited' WHERE id = %s", row.pk)
    return row.record.sealed.place


def back_dated(chance):
    place = any_place(chance)
    change("UPDATE accounts_record SET at = %s WHERE id = %s", _long_ago(), record_at(place).pk)
    return place


def back_dated_with_its_leaf(chance):
    place = any_place(chance)
    back = timezone.now() - dt.timedelta(days=300)
    record = record_at(place)
    record.at = back
    actor = str(record.actor.uuid) if record.actor else None
    leaf = audit.leaf_hash(audit.record_bytes(record, actor=actor))
    Record.objects.filter(pk=record.pk).update(at=back, leaf=leaf)
    RecordTeam.objects.filter(record=record).update(at=back)
    Leaf.objects.filter(place=place).update(leaf=leaf)
    return place


def first_deleted(chance):
    _delete(0)
    return 0


def middle_deleted(chance):
    place = any_place(chance)
    _delete(place)
    return place


def middle_deleted_and_counted_anew(chance):
    place = any_place(chance)
    _delete(place)
    rows = list(Leaf.objects.filter(place__gt=place).order_by("place"))
    for row in rows:
        change("UPDATE accounts_leaf SET place = %s WHERE place = %s", row.place - 1, row.place)
    return place


def tail_deleted(chance):
    place = Leaf.objects.count() - 1
    _delete(place)
    return place


def end_deleted(chance):
    """The last records are gone, and no checkpoint."""
    last = Leaf.objects.count() - 1
    for place in range(last, last - 5, -1):
        _delete(place)
    return last - 4


def tail_and_its_checkpoint_deleted(chance):
    """The newest checkpoint and the records that only it covers are gone."""
    newest, before = list(Checkpoint.objects.order_by("-pk")[:2])
    for place in range(newest.size - 1, before.size - 1, -1):
        _delete(place)
    Checkpoint.objects.filter(pk=newest.pk)._raw_delete("default")
    return before.size


def inserted(chance):
    place = any_place(chance)
    record = record_at(place)
    record.pk, record.uuid = None, uuid.uuid4()
    record.save(force_insert=True)


def exchanged(chance):
    place = any_place(chance)
    one, other = (Leaf.objects.get(place=n) for n in (place, place + 1))
    change("UPDATE accounts_leaf SET record_id = -1 WHERE place = %s", place)
    for row, source in ((place + 1, one), (place, other)):
        change(
            "UPDATE accounts_leaf SET record_id = %s, leaf = %s WHERE place = %s",
            source.record_id,
            bytes(source.leaf),
            row,
        )
    return place


def checkpoint_forged(chance):
    row = chance.choice(list(Checkpoint.objects.order_by("pk")))
    lines = row.note.split("\n")
    lines[2] = "A" * 43 + "="
    Checkpoint.objects.filter(pk=row.pk).update(note="\n".join(lines), root=bytes(32))


def checkpoint_exchanged(chance):
    one, other = list(Checkpoint.objects.order_by("pk"))[:2]
    values = {"note": other.note, "root": other.root, "at": other.at}
    Checkpoint.objects.filter(pk=one.pk).update(**values)


def subtree_forged(chance):
    """Only a log of 1024 records or more has subtrees."""
    key = chance.choice(list(Subtree.objects.order_by("pk").values_list("pk", flat=True)))
    Subtree.objects.filter(pk=key).update(hash=chance.randbytes(32))


def file_removed(chance):
    witnesses.checkpoint_file().unlink()


def file_cut(chance):
    path = witnesses.checkpoint_file()
    notes = path.read_text().split("---\n")[:-1]
    path.write_text("".join(f"{note}---\n" for note in notes[: chance.randrange(len(notes))]))


def file_flipped(chance):
    path = witnesses.checkpoint_file()
    found = bytearray(path.read_bytes())
    found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    path.write_bytes(found)


def older_state_restored(chance):
    """The records after an older checkpoint are gone, and so are the checkpoints after it."""
    kept = Checkpoint.objects.order_by("pk")[1]
    last = Leaf.objects.count() - 1
    for place in range(last, kept.size - 1, -1):
        _delete(place)
    Checkpoint.objects.filter(pk__gt=kept.pk)._raw_delete("default")
    return kept.size


DAMAGES = (
    record_flipped,
    facts_flipped,
    actor_flipped,
    story_flipped,
    payload_flipped,
    payload_not_canonical,
    payload_emptied,
    payload_deleted,
    teams_flipped,
    back_dated,
    back_dated_with_its_leaf,
    first_deleted,
    middle_deleted,
    middle_deleted_and_counted_anew,
    tail_deleted,
    end_deleted,
    inserted,
    exchanged,
    checkpoint_forged,
    checkpoint_exchanged,
    tail_and_its_checkpoint_deleted,
    older_state_restored,
)


# Damages of the file, which `undone` does not undo.
FILE_DAMAGES = (file_removed, file_cut, file_flipped)


def _delete(place):
    key = record_at(place).pk
    for table in ("recordteam", "recordpayload", "emptiedpayload", "leaf"):
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM accounts_{table} WHERE record_id = %s", [key])
    change("DELETE FROM accounts_record WHERE id = %s", key)


def _uuid():
    found = uuid.uuid4()
    return found.hex if connection.vendor == "sqlite" else found


def _long_ago():
    moment = timezone.now() - dt.timedelta(days=300)
    return connection.ops.adapt_datetimefield_value(moment)
