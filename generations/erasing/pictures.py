"""Erases images and uploads: a row is marked, and its files are deleted after that has committed.

The row of an image stays, as a tombstone.
"""

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.events import Event
from accounts.stored_texts import in_english
from generations import conversions, holds, live, storage
from generations.erasing.order import Order
from generations.models import Conversion, Delivery, Image, Reference

BATCH = 50


def mark_images(order: Order, images: QuerySet[Image]) -> int:
    """Mark the next of `images` as erased, and hide them; returns how many.

    `images` must give only images that may be erased, read in the transaction.
    """
    with holds.decided():
        chosen = images.filter(erased_at__isnull=True).select_related("run")
        rows = list(chosen.prefetch_related("renditions").order_by("created_at", "pk")[:BATCH])
        now = timezone.now()
        Image.objects.filter(pk__in=[row.pk for row in rows]).update(
            erased_at=now, hidden_at=Coalesce("hidden_at", now)
        )
        _mark_references(order, Reference.objects.filter(image__in=rows))
        conversions.withdraw(Conversion.objects.filter(image__in=rows))
        for row in rows:
            converted = row.conversions.exclude(sha256="").values_list("sha256", flat=True)
            files = [row.original_sha256, *(each.sha256 for each in row.renditions.all())]
            files += [each for each in converted if each not in files]
            order.record(Event.IMAGE_ERASED, row, story=row.run.uuid, files=files)
            live.bump(row.run.user_id)
        if rows:
            order.moved(images=len(rows))
    return len(rows)


def mark_uploads(order: Order, uploads: QuerySet[Reference]) -> int:
    """Mark the next of `uploads` as erased; returns how many."""
    with holds.decided():
        if marked := _mark_references(order, uploads):
            order.moved(uploads=marked)
    return marked


def delete_files(order: Order) -> int:
    """Delete the files of marked images and uploads, whoever marked them; returns of how many.

    Counts those of which a bucket keeps versions. Raises StorageAway. What is not done is found
    again by the next call.
    """
    images = Image.objects.filter(erased_at__isnull=False).exclude(original_name="")
    references = Reference.objects.filter(erased_at__isnull=False).exclude(name="")
    done = 0
    for image in images.order_by("erased_at")[:BATCH]:
        _delete_image(order, image)
        done += 1
    for reference in references.order_by("erased_at")[:BATCH]:
        _delete_reference(order, reference)
        done += 1
    return done


@in_english()
def _mark_references(order: Order, references: QuerySet[Reference]) -> int:
    rows = list(references.filter(erased_at__isnull=True).order_by("pk")[:BATCH])
    for row in rows:
        Reference.objects.filter(pk=row.pk).update(
            erased_at=timezone.now(),
            status=Reference.Status.REFUSED,
            problem=_("It was erased."),
            upload_sha256="",
            licence="",
            file_name="",
        )
        order.record(Event.REFERENCE_ERASED, row, story=None)
    return len(rows)


def _delete_image(order: Order, image: Image) -> None:
    for name in _labelled_files(image):
        order.erase_file(storage.renditions(), name)
    erased = Delivery.objects.filter(pk=image.delivery_id, original_name="")
    order.erase_file(storage.originals(), image.original_name, again=erased.exists())
    same = Image.objects.filter(original_sha256=image.original_sha256, erased_at__isnull=True)
    if not same.exists():
        order.erase_file(storage.originals(), storage.clean_copy_name(image.original_sha256))
    Delivery.objects.filter(pk=image.delivery_id).update(original_name="")
    image.former_renditions.update(is_stored=False)
    Image.objects.filter(pk=image.pk).update(original_name="")


def _labelled_files(image: Image) -> list[str]:
    """The names of all its labelled files: those of rows, and what storage has besides."""
    named = image.renditions.values_list("name", flat=True)
    former = image.former_renditions.filter(is_stored=True).values_list("name", flat=True)
    return list(dict.fromkeys([*named, *former, *storage.renditions_in_storage(image.uuid)]))


def _delete_reference(order: Order, reference: Reference) -> None:
    """Delete its file, unless another reference is the same file. Images have their own."""
    same = Reference.objects.filter(name=reference.name, erased_at__isnull=True)
    if reference.image_id is None and not same.exists():
        order.erase_file(storage.originals(), reference.name)
    Reference.objects.filter(pk=reference.pk).update(name="", sha256="")
