"""One frame of a run as a page shows it, and the words for a picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from generations.models import Rendition
from generations.paths import download_path, image_path, rendition_path
from generations.reading.shapes import shape_of

ALT_LENGTH = 120


class State(StrEnum):
    """What a frame shows: a picture, one on its way, or why there is none."""

    DONE = "done"
    QUEUED = "queued"
    SENT = "sent"
    SAVING = "saving"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RemedyButton:
    """A button that posts to `path`, or a link to `href`."""

    label: str
    path: str = ""
    href: str = ""


@dataclass(frozen=True)
class Frame:
    """One place in a run.

    `images` is how many places it stands for: what one request failed to bring is told once.
    `title`, `note` and `cost` are sentences; `cancel` and `try_again` are addresses of buttons;
    `remedies` are further buttons.
    """

    state: State
    id: str
    images: int = 1
    title: str = ""
    note: str = ""
    cost: str = ""
    place: str = ""
    received: int | None = None
    wanted: int = 1
    cancel: str = ""
    cancel_label: str = ""
    cancels_all: bool = False
    try_again: str = ""
    remedies: tuple[RemedyButton, ...] = ()
    href: str = ""
    src: str = ""
    alt: str = ""
    download: str = ""
    width: int = 0
    height: int = 0

    @property
    def count(self) -> str:
        """How many images the frame stands for, where it is more than one."""
        words = ngettext("%(count)d image", "%(count)d images", self.images)
        return words % {"count": self.images} if self.images > 1 else ""

    @property
    def icon(self) -> str:
        return _ICONS.get(self.state, "")


_ICONS = {
    State.FAILED: "triangle-alert",
    State.CANCELLED: "ban",
    State.UNKNOWN: "circle-question-mark",
}


def preview_frame(preview: Rendition, *, prompt: str) -> Frame:
    """A picture that links to its page. `preview` comes with its image."""
    image = preview.image
    return Frame(
        state=State.DONE,
        id=f"image-{image.uuid}",
        href=image_path(image.uuid),
        src=rendition_path(preview.uuid, preview.format),
        alt=alt_text(prompt),
        download=download_path(image.uuid),
        width=preview.width,
        height=preview.height,
    )


def alt_text(prompt: str) -> str:
    """What stands for a picture where it cannot be seen."""
    return _("Image generated with AI: %(prompt)s") % {"prompt": shortened(prompt, ALT_LENGTH)}


def shortened(text: str, length: int) -> str:
    """The beginning of `text` on one line, at most `length` characters."""
    line = " ".join(text[: 2 * length].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def shape_of_frames(frames: Iterable[Frame], otherwise: str) -> str:
    """The shape of a run's pictures: that of the first one that came."""
    return next((shape_of(f.width, f.height) for f in frames if f.state == State.DONE), otherwise)
