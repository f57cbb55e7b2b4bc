"""Uploads on their way into a run: received, declared, used, or removed because nobody used them.

A file is received as soon as somebody chooses it, so that a reload or a refusal does not lose it.
It waits for a run for `KEPT`; `generations.tasks` then removes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.http import printable
from accounts.models import User
from generations import holds, storage
from generations.jobs import hints
from generations.models import Reference
from generations.models.reference import LONGEST_FILE_NAME
from generations.submission.asking import AnyReference, NewReference, SubmissionRefused
from generations.submission.uploading import check_file, check_rights, kept_licence

# How long an upload waits for a run.
KEPT = timedelta(days=7)
# Uploads of one person within that time that no run has used. Removed ones count, so that nobody
# can keep the workers busy by uploading and removing.
MOST_WAITING = 100
# Uploads that one call of `remove_unused` removes.
BATCH = 100


@dataclass(frozen=True)
class Received:
    """An upload that waits for a run. `is_known` says that it waited already."""

    reference: Reference
    is_known: bool


def receive(user: User, file: File) -> Received:
    """Store an upload that no run uses yet. The same bytes again are the same upload.

    Raises UnusableImage with the reason, or SubmissionRefused if too many uploads wait or storage
    is away; then nothing was written.
    """
    upload = check_file(file)
    waiting = Reference.objects.waiting_for(user).filter(upload_sha256=upload.sha256)
    if known := waiting.first():
        return Received(known, is_known=True)
    _refuse_too_many(user)
    store_upload(user, upload)
    try:
        with transaction.atomic():
            kept_until = timezone.now() + KEPT
            return Received(reference_of_upload(user, upload, kept_until=kept_until), False)
    except IntegrityError:  # the same file arrived twice at the same time
        if known := waiting.first():
            return Received(known, is_known=True)
        raise


def store_upload(user: User, upload: NewReference) -> None:
    """Store the bytes of an upload, unless they were cleaned before.

    Raises SubmissionRefused if storage is away.
    """
    if _cleaned_before(user, upload):
        return
    try:
        storage.save_upload(upload.sha256, upload.file)
    except storage.StorageAway as error:
        message = _(
            "The studio can't store files at the moment. Nothing was charged: try again in a few "
            "minutes."
        )
        raise SubmissionRefused(message, field="references") from error


def reference_of_upload(
    user: User, upload: NewReference, *, kept_until: datetime | None = None
) -> Reference:
    """The row of an upload, whose bytes are stored, with its record; a worker is told."""
    before = _cleaned_before(user, upload)
    facts = upload.facts
    claimed = {"format": facts.format, "width": facts.width, "height": facts.height}
    reference = Reference.objects.create(
        owner=user,
        team=user.team,
        upload_sha256=upload.sha256,
        rights=upload.rights,
        licence=upload.licence,
        file_name=printable(upload.file.name or "", LONGEST_FILE_NAME),
        kept_until=kept_until,
        status=Reference.Status.READY if before else Reference.Status.PENDING,
        next_action_at=None if before else timezone.now(),
        **(before.cleaned if before else claimed),
    )
    if not before:
        hints.hint(hints.PREPARE)
    _record_upload(reference, upload)
    return reference


def lack_rights(references: Iterable[AnyReference]) -> bool:
    """Whether rights are still to be declared to one of `references`."""
    return any(isinstance(each, Reference) and each.lacks_rights for each in references)


def declare_rights(
    user: User, references: Iterable[Reference], *, rights: str, licence: str
) -> int:
    """Declare `rights` to those of `references` that lack them, on record; returns to how many.

    Raises SubmissionRefused if there is one and `rights` say nothing.
    """
    lacking = [each for each in references if each.lacks_rights]
    if not lacking:
        return 0
    check_rights(rights, licence)
    licence = kept_licence(rights, licence)
    with transaction.atomic():
        return sum(_declare(user, each, rights, licence) for each in lacking)


def note_used(references: Iterable[Reference]) -> None:
    """Keep these uploads: a run uses them. Call it in the transaction that makes the run."""
    keys = [each.pk for each in references if each.kept_until]
    if keys:
        Reference.objects.filter(pk__in=keys).update(kept_until=None)


def remove(reference: Reference, *, actor: User | None = None) -> bool:
    """Remove an upload that no run has used, with its file. Returns False if it must stay.

    It must while a worker cleans it, after a run has used it, and while its owner is under a legal
    hold. Raises StorageAway; the next call goes on.
    """
    with holds.decided():
        waits = Q(kept_until__isnull=False, erased_at__isnull=True)
        rows = Reference.objects.filter(waits, ~Q(status=Reference.Status.PENDING), pk=reference.pk)
        if not rows.exclude(owner__in=holds.held_people()).update(**_removed()):
            return False
        audit.record(Event.REFERENCE_DROPPED, actor=actor, subject=reference)
    _remove_file(reference)
    return True


def remove_unused() -> int:
    """Remove the uploads that have waited too long for a run; returns how many."""
    late = Reference.objects.filter(kept_until__lt=timezone.now())
    late = late.exclude(status=Reference.Status.PENDING).exclude(owner__in=holds.held_people())
    rows = list(late.order_by("kept_until")[:BATCH])
    for reference in rows:
        if not remove(reference):
            _remove_file(reference)  # its owner, or an erasure, has removed the row
        Reference.objects.filter(pk=reference.pk, erased_at__isnull=False).update(kept_until=None)
    return len(rows)


def _refuse_too_many(user: User) -> None:
    waiting = Reference.objects.waiting_for(user).filter(kept_until__gt=timezone.now())
    if waiting.count() >= MOST_WAITING:
        message = _(
            "You have uploaded %(most)d files in %(days)d days that no run has used. Use some of "
            "them, which are in the library, or upload more later."
        )
        numbers = {"most": MOST_WAITING, "days": KEPT.days}
        raise SubmissionRefused(message % numbers, field="references")


def _cleaned_before(user: User, upload: NewReference) -> Reference | None:
    """A reference of the team that was cleaned from the same bytes."""
    return Reference.objects.visible_to(user).cleaned_from(upload.sha256).first()


def _record_upload(reference: Reference, upload: NewReference) -> None:
    """Record an upload. The clean copy's hash is known only if the same bytes came before."""
    clean = {"clean_sha256": reference.sha256} if reference.is_ready else {}
    texts = {"file_name": printable(upload.file.name or ""), "licence": upload.licence}
    audit.record(
        Event.REFERENCE_UPLOADED,
        actor=reference.owner,
        subject=reference,
        facts={"sha256": upload.sha256, "rights": reference.rights} | clean,
        personal={name: text for name, text in texts.items() if text} or None,
    )


def _declare(user: User, reference: Reference, rights: str, licence: str) -> bool:
    undeclared = Reference.objects.filter(pk=reference.pk, rights="")
    if not undeclared.update(rights=rights, licence=licence):
        reference.refresh_from_db(fields=["rights", "licence"])
        return False
    reference.rights, reference.licence = rights, licence
    audit.record(
        Event.REFERENCE_DECLARED,
        actor=user,
        subject=reference,
        facts={"rights": rights},
        personal={"licence": licence} if licence else None,
    )
    return True


def _removed() -> dict[str, Any]:
    return {
        "erased_at": timezone.now(),
        "status": Reference.Status.REFUSED,
        "problem": _("It was removed because no run used it."),
        "upload_sha256": "",
        "licence": "",
        "file_name": "",
    }


def _remove_file(reference: Reference) -> None:
    """Delete the file of a removed upload, unless another reference is the same file."""
    same = Reference.objects.filter(name=reference.name, erased_at__isnull=True)
    if reference.name and not same.exists():
        storage.erase(storage.originals(), reference.name)
    Reference.objects.filter(pk=reference.pk, erased_at__isnull=False).update(name="", sha256="")
