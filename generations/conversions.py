"""Labelled files in other sizes and formats: what may be asked for, asking, and deleting.

Workers make them (`generations.jobs.execution.converting`).
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations import holds, storage
from generations.labelling import Recipe
from generations.models import Conversion, Image

State = Conversion.State
ORIGINAL = "original"
# The longest sides that are offered, in pixels; never more than the image has.
SIDES = (2048, 1080)
FORMATS = ("JPEG", "PNG", "WEBP")
# How long a file is kept after somebody asked for it last.
KEPT = timedelta(days=7)
# Files of one team that wait to be made.
MOST_WAITING = 30
BATCH = 100
# After this long, admins are told that a file is not made, or not deleted.
MADE_LATE, DELETED_LATE = timedelta(minutes=15), timedelta(days=1)


class ConversionRefused(Exception):
    """The file is not made. The text says why, and what to do."""


@dataclass(frozen=True)
class Size:
    """A size in which an image may be had: its name in forms, and its pixels."""

    name: str
    width: int
    height: int


def sizes_of(image: Image) -> list[Size]:
    """The sizes in which `image` may be had, the largest first."""
    longest = max(image.width, image.height)
    smaller = [side for side in SIDES if side < longest]
    return [
        Size(ORIGINAL, image.width, image.height),
        *(Size(str(side), *_fitted(image, side / longest)) for side in smaller),
    ]


def _fitted(image: Image, scale: float) -> tuple[int, int]:
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def recipe_named(name: str) -> Recipe:
    """The recipe of a conversion by its name, such as 2048-webp. Raises ValueError."""
    size, _hyphen, image_format = name.partition("-")
    if size not in (ORIGINAL, *map(str, SIDES)) or image_format.upper() not in FORMATS:
        raise ValueError(f"{name} is no recipe of a conversion")
    side = None if size == ORIGINAL else int(size)
    return Recipe(name, side, image_format.upper())


def ask(image: Image, *, size: str, image_format: str, actor: User) -> Conversion:
    """The file of `image` in this size and format: the one that is there, or else one to make.

    Raises ConversionRefused for a size or format that is not offered, or if too many wait.
    """
    if size not in {each.name for each in sizes_of(image)} or image_format not in FORMATS:
        raise ConversionRefused(_("Choose one of the sizes and formats of the list."))
    recipe = f"{size}-{image_format.lower()}"
    now = timezone.now()
    with transaction.atomic():
        # Presses at the same moment take turns here, so that they ask for one file.
        Image.objects.select_for_update(no_key=True).get(pk=image.pk)
        known = Conversion.objects.filter(image=image, recipe=recipe)
        if found := known.filter(state__in=(State.WAITING, State.READY)).first():
            known.filter(pk=found.pk, state=State.READY).update(expires_at=now + KEPT)
            return found
        _refuse_too_many(image)
        made = Conversion.objects.create(
            image=image, recipe=recipe, format=image_format, next_action_at=now
        )
        facts = {"recipe": recipe}
        story = image.run.uuid
        audit.record(
            Event.IMAGE_CONVERSION_ASKED, actor=actor, subject=image, story=story, facts=facts
        )
    return made


def _refuse_too_many(image: Image) -> None:
    waiting = Conversion.objects.filter(state=State.WAITING, image__team=image.team_id)
    if waiting[:MOST_WAITING].count() >= MOST_WAITING:
        raise ConversionRefused(
            _("%(count)d files of your team are being made. Wait for them, then ask again.")
            % {"count": MOST_WAITING}
        )


def withdraw(conversions: QuerySet[Conversion]) -> None:
    """Have the files of these conversions deleted; no link leads to them from now on."""
    now = timezone.now()
    kept = conversions.exclude(state=State.DELETED)
    kept.update(state=State.DELETED, expires_at=now, claimed_by="")


def tidy() -> int:
    """Delete the files that have expired or were withdrawn, but those of held images.

    Returns of how many. Raises StorageAway; what is left is found by the next call.
    """
    expired = Conversion.objects.filter(state=State.READY, expires_at__lte=timezone.now())
    due = list(expired.order_by("expires_at").values_list("pk", flat=True)[:BATCH])
    withdraw(Conversion.objects.filter(pk__in=due, expires_at__lte=timezone.now()))
    with holds.decided():
        batch = list(_to_delete().select_related("image").order_by("expires_at")[:BATCH])
    for row in batch:
        remove_files(row)
        Conversion.objects.filter(pk=row.pk).update(is_stored=False)
    return len(batch)


def _to_delete() -> QuerySet[Conversion]:
    ended = Conversion.objects.filter(is_stored=True, state__in=(State.FAILED, State.DELETED))
    return ended.exclude(image__in=Image.objects.filter(holds.covers_image()))


def remove_files(row: Conversion) -> None:
    """Delete the files of a conversion, but those of others of the same recipe that are in use.

    Those that a killed worker wrote, and that no row names, are among them.
    """
    others = Conversion.objects.filter(image=row.image, recipe=row.recipe).exclude(pk=row.pk)
    if others.filter(state=State.WAITING).exists():
        names = {row.name} - {""}  # a worker may be writing the others
    else:
        start = f"{row.image.uuid}/{row.recipe}-"
        found = storage.renditions_in_storage(row.image.uuid)
        names = {name for name in found if name.startswith(start)}
    used = Conversion.objects.filter(image=row.image, state=State.READY)
    for name in names - set(used.values_list("name", flat=True)):
        storage.erase(storage.renditions(), name)


def names_kept(image: Image) -> set[str]:
    """The names of the image's converted files that `tidy` has still to look after."""
    rows = Conversion.objects.filter(image=image, is_stored=True).exclude(name="")
    return set(rows.values_list("name", flat=True))


def late() -> bool:
    """Whether a file has waited for long to be made, or to be deleted. Reads a few rows."""
    now = timezone.now()
    waiting = Conversion.objects.filter(state=State.WAITING, next_action_at__lt=now - MADE_LATE)
    overdue = Q(is_stored=True, expires_at__lt=now - DELETED_LATE)
    kept = Conversion.objects.filter(overdue, state__in=(State.READY, State.DELETED))
    held = Image.objects.filter(holds.covers_image())
    return waiting.exists() or kept.exclude(image__in=held).exists()
