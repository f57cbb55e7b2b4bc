"""What must be true of a run when it has come to rest, whatever failed on its way."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from accounts import ledger
from accounts.models import Entry
from generations import storage
from generations.jobs.execution import renditions
from generations.labelling import read_xmp
from generations.models import Delivery, Generation, Image, Run
from generations.states import ENDED, Status
from tests.faults.stand_in import CREDITS, KEYLESS, StandIn
from tests.faults.walks import Walk

# Less than the lease of a poll: no run should have to wait for its end.
MOST_SECONDS = 45


def broken(walk: Walk, *, may_be_unknown: bool) -> list[str]:
    """Sentences about the promises that were broken. A test expects none."""
    if walk.run is None:
        return ["the form was never taken"]
    walk.run.refresh_from_db()
    generation = walk.run.generations.get()
    return [
        *_end(walk, generation, may_be_unknown=may_be_unknown),
        *_orders(walk),
        *_money(generation),
        *_images(generation),
        *_claims(walk, generation),
        *_left_over(walk.run),
    ]


def _end(walk: Walk, generation: Generation, *, may_be_unknown: bool) -> Iterator[str]:
    if walk.is_stuck or generation.status not in ENDED | {Status.UNKNOWN}:
        yield f"it is stuck at {generation.status}"
    elif generation.status == Status.UNKNOWN:
        may_be = may_be_unknown and walk.engine in KEYLESS and generation.submitted_at
        if generation.task_id or not may_be:
            yield "it is unknown, though its outcome can be known"
    elif generation.status != Status.SUCCEEDED:
        yield f"it is {generation.status}: {generation.error_code}"
    if walk.seconds > MOST_SECONDS:
        yield f"it took {walk.seconds:.0f} s"


def _orders(walk: Walk) -> Iterator[str]:
    body = walk.prompt.encode()
    orders = [task for task, ordered in StandIn.orders.items() if ordered == body]
    submits = [key for sent, key in StandIn.submits if sent == body]
    if len(orders) > 1:
        yield f"the provider took {len(orders)} orders"
    if walk.engine in KEYLESS and len(submits) > 1:
        yield f"it was sent {len(submits)} times without a key"


def _money(generation: Generation) -> Iterator[str]:
    entries = Entry.objects.filter(generation=generation.uuid).values_list("kind", "amount")
    amounts = dict(entries)
    if len(entries) != len(amounts):
        yield "an entry stands twice"
    if amounts.get("settle", 0) != generation.delivered * CREDITS:
        yield f"{amounts.get('settle', 0)} credits for {generation.delivered} images"
    resolved = amounts.get("settle", 0) + amounts.get("release", 0)
    if generation.status in ENDED and resolved != amounts["reserve"]:
        yield "its credits are reserved for ever"
    if ledger.reconcile():
        yield "the books do not agree"


def _images(generation: Generation) -> Iterator[str]:
    images = Image.objects.filter(generation=generation)
    if not len(images) == generation.delivered == generation.run.delivered <= generation.wanted:
        yield f"{len(images)} images, {generation.delivered} counted"
    if generation.status == Status.SUCCEEDED and not images:
        yield "it succeeded without an image"
    for image in images:
        files = image.renditions.all()
        if set(storage.renditions_in_storage(image.uuid)) != {row.name for row in files}:
            yield "storage has files of it that no row names"
        if {row.recipe for row in files} != {recipe.name for recipe in renditions.RECIPES}:
            yield "a rendition is missing"
        for row in files:
            data = storage.read(storage.renditions(), row.name)
            if hashlib.sha256(data).hexdigest() != row.sha256:
                yield f"the file of {row.recipe} is another one"
            if b"trainedAlgorithmicMedia" not in (read_xmp(data) or b""):
                yield f"{row.recipe} has no label"


def _claims(walk: Walk, generation: Generation) -> Iterator[str]:
    if generation.claimed_by:
        yield f"it is claimed at {generation.status}"
    if Delivery.objects.filter(generation=generation).exclude(claimed_by="").exists():
        yield "an image is claimed"
    if walk.worker.holds():
        yield "a worker thinks that it works on something"


def _left_over(run: Run) -> Iterator[str]:
    if files := half_files(run):
        yield f"{len(files)} half files stay"


def half_files(run: Run) -> list[Path]:
    """Files that were begun and not moved into place: hidden ones, or those in a hidden folder."""
    originals, renditions = Path(storage.originals().path("")), Path(storage.renditions().path(""))
    generations = [str(each.uuid) for each in run.generations.all()]
    folders = [folder for uuid in generations for folder in originals.glob(f"{uuid}/*")]
    deliveries = Delivery.objects.filter(generation__run=run)
    folders += [renditions / str(each.uuid) for each in deliveries]
    hidden = [file for folder in folders for file in folder.glob(".*")]
    return hidden + [file for root in (originals, renditions) for file in root.glob(".*/*")]
