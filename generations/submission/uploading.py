"""Checks uploads by their size and header, and the rights that were declared to them.

A worker decodes the files later and may still refuse them.

See `generations.jobs.execution.preparing`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from django.core.files.base import File
from django.template.defaultfilters import filesizeformat
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.imaging import ImageTooLarge, NotAnImage, look_at_reference
from generations.models import Reference
from generations.models.reference import LONGEST_LICENCE
from generations.submission.asking import AnyReference, NewReference, SubmissionRefused

# Of one file.
MAX_BYTES = 20_000_000
# Of all uploads of one request: fourteen of Seedream's largest images, or twenty photos from a
# phone.
MAX_PIXELS_TOGETHER = 240_000_000


# What may be declared of an upload, in the order in which it is offered.
RIGHTS = tuple(each for each in Reference.Rights if each != Reference.Rights.GENERATED)


def check_rights(rights: str, licence: str) -> None:
    """Raise SubmissionRefused unless `rights` are declared, with the licence if there is one."""
    if rights not in RIGHTS:
        message = _("Say which rights you have to the files that you upload.")
        raise SubmissionRefused(message, field="rights")
    if rights == Reference.Rights.LICENSED and not licence:
        message = _("Say which licence you have for the files that you upload.")
        raise SubmissionRefused(message, field="licence")
    if len(licence) > LONGEST_LICENCE:
        message = _("The licence is longer than %(most)d characters. Name it more briefly.")
        raise SubmissionRefused(message % {"most": LONGEST_LICENCE}, field="licence")


def check_upload(file: File, *, rights: str, licence: str = "") -> NewReference:
    """Check an upload and return it as a new reference.

    Raises SubmissionRefused if no rights are declared, and UnusableImage with the reason.
    """
    check_rights(rights, licence)
    return replace(check_file(file), rights=rights, licence=kept_licence(rights, licence))


def kept_licence(rights: str, licence: str) -> str:
    """`licence`, or nothing if `rights` are not those of a licence."""
    return licence if rights == Reference.Rights.LICENSED else ""


def check_file(file: File) -> NewReference:
    """Check the file of an upload whose rights are not declared yet. Raises UnusableImage."""
    if not file.size:
        raise NotAnImage(_("The file is empty. Choose it again, or export it again."))
    if file.size > MAX_BYTES:
        raise ImageTooLarge(
            format_lazy(
                gettext_lazy("The file is {size}. Choose one of at most {most}."),
                size=filesizeformat(file.size),
                most=filesizeformat(MAX_BYTES),
            )
        )
    data = file.read()
    return NewReference(file, hashlib.sha256(data).hexdigest(), look_at_reference(data))


def refuse_too_many_pixels(references: Iterable[AnyReference]) -> None:
    """Raise SubmissionRefused if the uploads have more pixels than one request may bring."""
    uploads = [each.facts for each in references if isinstance(each, NewReference)]
    pixels = sum(facts.width * facts.height for facts in uploads)
    if pixels > MAX_PIXELS_TOGETHER:
        message = _(
            "The %(count)d uploads have %(pixels)d million pixels together, more than the "
            "%(most)d million that can be used at once. Make them smaller, or remove some."
        )
        numbers = {
            "count": len(uploads),
            "pixels": round(pixels / 1e6),
            "most": MAX_PIXELS_TOGETHER // 1_000_000,
        }
        raise SubmissionRefused(message % numbers, field="references")
