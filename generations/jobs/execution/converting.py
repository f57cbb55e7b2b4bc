"""Making labelled files in other sizes and formats.

A claim ends by itself after `LEASE`, so that a worker that dies holds up nothing. A worker that has
lost its claim, or whose image got other labels meanwhile, deletes what it made.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.events import Event
from generations import conversions, storage
from generations.conversions import KEPT, State
from generations.imaging import UnusableImage
from generations.jobs.execution import accidents, renditions
from generations.labelling import FULL, LabelFailed, Original
from generations.models import Conversion, Image, Rendition

log = logging.getLogger(__name__)

# More than the largest image takes.
LEASE = timedelta(minutes=5)
PAUSE = timedelta(seconds=20)
MOST_TRIES = 5
# After this, it is not tried again, whatever the trouble.
PATIENCE = timedelta(hours=24)


class _Gone(Exception):
    """The claim is lost, or the image was erased or got other labels meanwhile."""


def due() -> QuerySet[Conversion]:
    """The files that may be made now, the longest waiting first."""
    waiting = Conversion.objects.filter(state=State.WAITING)
    return waiting.filter(next_action_at__lte=timezone.now()).order_by("next_action_at", "pk")


def convert(conversion_id: int, worker: str) -> None:
    """Make one file, unless another worker makes it. Trouble is noted on the row."""
    row = _claim(conversion_id, worker)
    if row is None:
        return
    try:
        if row.tries > MOST_TRIES or timezone.now() - row.created_at > PATIENCE:
            raise LabelFailed("tried too often")
        _make(row)
    except _Gone:
        # Lost, or the image was erased or got other labels: then it is made again.
        _mine(row).update(claimed_by="", next_action_at=timezone.now())
    except (UnusableImage, LabelFailed, FileNotFoundError, storage.FileDamaged) as error:
        log.error("the conversion %s can't be made: %s", row.uuid, type(error).__name__)
        _mine(row).update(state=State.FAILED, claimed_by="", expires_at=timezone.now())
    except Exception as error:
        accidents.reconnect()
        is_ours = accidents.is_ours(error)
        if not is_ours:
            log.error("the conversion %s broke off", row.uuid, exc_info=error)
        # Trouble of the studio's own uses up no try.
        tries, later = row.tries - is_ours, timezone.now() + PAUSE
        _mine(row).update(claimed_by="", tries=tries, next_action_at=later)


def _claim(conversion_id: int, worker: str) -> Conversion | None:
    claimed = due().filter(pk=conversion_id).order_by()
    values = {"claimed_by": worker, "tries": F("tries") + 1, "is_stored": True}
    if not claimed.update(**values, next_action_at=timezone.now() + LEASE):
        return None
    about = ("generation__run__team", "run", "delivery", "team")
    rows = Conversion.objects.select_related(*(f"image__{each}" for each in about))
    return rows.filter(pk=conversion_id, claimed_by=worker).first()


def _mine(row: Conversion) -> QuerySet[Conversion]:
    mine = Conversion.objects.filter(pk=row.pk, state=State.WAITING, tries=row.tries)
    return mine.filter(claimed_by=row.claimed_by)


def _make(row: Conversion) -> None:
    image = row.image
    if image.erased_at:
        raise _Gone
    labels = _labels(image)
    with storage.content(
        storage.originals(), image.original_name, sha256=image.original_sha256
    ) as file:
        original = Original(file.read())
    recipe = conversions.recipe_named(row.recipe)
    made = renditions.make_files(image, original, recipes=(recipe,))[0]
    try:
        _finish(row, made, labels)
    except _Gone:
        storage.erase(storage.renditions(), made.name)
        raise
    if row.tries > 1:
        conversions.remove_files(row)


def _labels(image: Image) -> str:
    """The hash of the image's labelled file, which changes with its labels."""
    return image.renditions.values_list("sha256", flat=True).get(recipe=FULL.name)


@transaction.atomic
def _finish(row: Conversion, made: Rendition, labels: str) -> None:
    image = Image.objects.select_for_update(no_key=True).get(pk=row.image_id)
    if image.erased_at or _labels(image) != labels or not _mine(row).exists():
        raise _Gone
    now = timezone.now()
    copied = ("name", "format", "width", "height", "bytes", "sha256", "label_version", "policy")
    values = {name: getattr(made, name) for name in copied}
    _mine(row).update(
        **values, state=State.READY, claimed_by="", made_at=now, expires_at=now + KEPT
    )
    facts = {"recipe": row.recipe, "sha256": made.sha256, "label_version": made.label_version}
    audit.record(
        Event.IMAGE_CONVERTED, actor=None, subject=row.image, story=row.image.run.uuid, facts=facts
    )
