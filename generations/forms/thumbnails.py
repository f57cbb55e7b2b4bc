"""The references of the composer as the page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from generations import submission
from generations.forms import tray
from generations.forms.draft import Draft
from generations.forms.fields import problem_of
from generations.label_chips import chips_of_previews
from generations.models import Image, Reference
from generations.paths import reference_path


@dataclass(frozen=True)
class Thumbnail:
    """An image that is chosen as a reference; `uuid` is its identifier.

    `src` is empty if the image can't be shown yet, or at all because of `problem`. `chip`
    repeats the badge of an image that this studio made; an upload has none. `name` is that of the
    uploaded file.
    `rights` are what was declared, in words; they are empty if nothing was.
    """

    uuid: str
    src: str
    problem: str = ""
    chip: str = ""
    name: str = ""
    rights: str = ""


@dataclass(frozen=True)
class ShownReferences:
    """All references of the composer: `chosen` in their order, and those set `aside`, with why.

    `most_bytes` is the largest file, and `at_once` how many files may be added in one step.
    """

    chosen: list[Thumbnail] = field(default_factory=list)
    aside: list[Thumbnail] = field(default_factory=list)
    why_aside: str = ""
    most_bytes: int = submission.MAX_BYTES
    at_once: int = tray.MOST_AT_ONCE

    @property
    def lacking_rights(self) -> int:
        """How many of `chosen` can't be used before somebody declares the rights to them."""
        return sum(not each.rights for each in self.chosen)


def shown_references(draft: Draft) -> ShownReferences:
    """The references of `draft` as the page shows them."""
    chosen = [] if draft.why_no_references else draft.images
    aside = tray.images_aside(draft)
    chips = _chips([*chosen, *aside])
    return ShownReferences(
        chosen=[_thumbnail(image, chips.get(image.uuid, "")) for image in chosen],
        aside=[_thumbnail(image, chips.get(image.uuid, "")) for image in aside],
        why_aside=tray.why_aside(draft, len(aside)),
    )


def _chips(images: Sequence[Reference | Image]) -> dict[UUID, str]:
    """The chips of images that this studio made, by the identifier of what was chosen."""
    made = {each.uuid: each if isinstance(each, Image) else each.image for each in images}
    found = chips_of_previews(image.uuid for image in made.values() if image)
    return {chosen: found[image.uuid] for chosen, image in made.items() if image}


def _thumbnail(image: Reference | Image, chip: str) -> Thumbnail:
    """Show an upload only when it is cleaned: its metadata may say where a photo was taken."""
    if isinstance(image, Image):
        made = str(Reference.Rights.GENERATED.label)
        src = reference_path(image.uuid)
        return Thumbnail(str(image.uuid), src, problem_of(image), chip=chip, rights=made)
    return Thumbnail(
        str(image.uuid),
        reference_path(image.uuid) if image.is_ready else "",
        problem_of(image),
        chip=chip,
        name=image.file_name,
        rights=_rights_in_words(image),
    )


def _rights_in_words(reference: Reference) -> str:
    label = reference.get_rights_display()
    if not reference.licence:
        return label
    words = _("%(rights)s: %(licence)s")
    return words % {"rights": label, "licence": reference.licence}
