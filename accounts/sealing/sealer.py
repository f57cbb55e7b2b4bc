"""Gives records their places in the tree, and signs a checkpoint of each new root.

One process seals at a time, never on the way of a request. It takes the records that are there, in
the order of their keys; one whose transaction commits later gets a later place. It seals the leaf
that the record holds, and leaves it to the verification whether the record gives this leaf: the
sealer could do nothing about one that does not, and must not depend on the version of records.
"""

import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from accounts.models import Checkpoint, SealState, Unsealed
from accounts.sealing import keys, notes, stored
from accounts.sealing.notes import Head, NoteError, Signer
from accounts.sealing.stored import HashesMissing
from accounts.sealing.tree import HASH_BYTES, Tree
from accounts.sealing.troubles import Stopped

log = logging.getLogger(__name__)

# Leaves of one transaction, which takes about a tenth of a second.
BATCH = 4096
# Batches of one call of the recurring task. The next call goes on.
BATCHES = 20


@dataclass(frozen=True)
class _Waiting:
    record: int
    leaf: bytes
    # A place that the record has already: the row was written twice.
    place: int | None


def seal(*, most_batches: int | None = BATCHES, after_damage: bool = False) -> int:
    """Seal what waits, and return how many records were sealed.

    It ends after `most_batches`, or at the first batch that is not full; and at once if another
    process is sealing. With `after_damage` it accepts the tree as it is, although the newest
    checkpoint contradicts it, and signs it anew. Raises Stopped.
    """
    if not (_unsealed().exists() or after_damage):
        return 0
    try:
        sealed = _seal_batches(most_batches, after_damage)
    except Stopped as stopped:
        _note(stopped.code)
        raise
    _note("")
    return sealed


def refuse_break() -> None:
    """Raise Stopped if the log is not what its newest checkpoint says.

    It costs the same for any log. What another process seals meanwhile makes no difference.
    """
    if last := Checkpoint.objects.order_by("pk").last():
        head = _head(last)
        if _root(stored.tree(head.size)) != head.root:
            raise Stopped("tree_broken")


def _seal_batches(most_batches: int | None, after_damage: bool) -> int:
    total = batches = 0
    while batches != most_batches:
        signers = keys.signers()
        sealed = _seal_batch(signers, after_damage)
        total, batches, after_damage = total + sealed, batches + 1, False
        if sealed < BATCH:
            break
    return total


@transaction.atomic
def _seal_batch(signers: list[Signer], after_damage: bool) -> int:
    """Seal one batch. Returns 0 if another process seals, or has changed the key meanwhile."""
    if not keys.lock(skip_locked=True) or keys.newest() != signers[0].public:
        return 0
    last = Checkpoint.objects.order_by("pk").last()
    tree = stored.tree(stored.leaf_count())
    if not after_damage:
        _check(last, tree)
    waiting = _next()
    new = [(each.record, each.leaf) for each in waiting if each.place is None]
    if new or after_damage:
        first = tree.size
        stored.add(first, new, tree.append(leaf for _record, leaf in new))
        _sign(tree, last, signers)
    Unsealed.objects.filter(pk__in=[each.record for each in waiting]).delete()
    return len(new)


def _unsealed() -> QuerySet[Unsealed]:
    """The rows that can be sealed. One whose leaf is no hash stays, and the watch tells of it."""
    return Unsealed.objects.annotate(length=Length("record__leaf")).filter(length=HASH_BYTES)


def _next() -> list[_Waiting]:
    rows = _unsealed().order_by("pk").values_list("pk", "record__leaf", "record__sealed__place")
    return [_Waiting(record, bytes(leaf), place) for record, leaf, place in rows[:BATCH]]


def _check(last: Checkpoint | None, tree: Tree) -> None:
    """Raise Stopped unless the newest checkpoint is signed and is that of the stored tree.

    So nothing is ever signed on top of a log that has been changed.
    """
    if last is None:
        if tree.size:
            raise Stopped("tree_broken")
        return
    head = _head(last)
    if tree.size != head.size or _root(tree) != head.root:
        raise Stopped("tree_broken")


def _head(last: Checkpoint) -> Head:
    """What the checkpoint says, once its signature is verified. Raises Stopped."""
    try:
        head = notes.verify(last.note, keys.public_keys())
    except NoteError as error:
        raise Stopped("checkpoint_forged") from error
    if (head.size, head.root) != (last.size, bytes(last.root)):
        raise Stopped("checkpoint_forged")
    return head


def _root(tree: Tree) -> bytes:
    try:
        return tree.root()
    except HashesMissing as error:
        raise Stopped("tree_broken") from error


def _sign(tree: Tree, last: Checkpoint | None, signers: list[Signer]) -> None:
    # A clock that is set back must not make a checkpoint older than the one before.
    at = max(timezone.now(), last.at) if last else timezone.now()
    head = Head(signers[0].name, tree.size, _root(tree), at)
    Checkpoint.objects.create(
        size=head.size,
        root=head.root,
        at=at,
        key_id=signers[0].public.id.hex(),
        note=notes.write(head, signers),
    )


def _note(code: str) -> None:
    """Remember why sealing has stopped, for the watch; log it once."""
    state, _ = SealState.objects.get_or_create(pk=SealState.ONLY)
    if state.trouble == code:
        return
    SealState.objects.filter(pk=state.pk).update(trouble=code)
    if code:
        log.error("Records are not sealed: %s", Stopped(code).reason)
