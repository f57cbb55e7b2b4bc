"""One frame of a run, and the alternative text of an image."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from generations import label_chips
from generations.labelling import Source
from generations.paths import download_path, image_path, rendition_path
from generations.reading.drawing import ShownImage
from generations.reading.frames.rows import Preview
from generations.reading.shapes import shape_of

ALT_LENGTH = 120


class FrameState(StrEnum):
    """What a frame shows: an image, the state of one still to come, or why there is none."""

    DONE = "done"
    QUEUED = "queued"
    SENT = "sent"
    SAVING = "saving"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RemedyButton:
    """A button that posts to `path`, or a link to `href`. `note` says what it would change."""

    label: str
    path: str = ""
    href: str = ""
    note: str = ""


@dataclass(frozen=True)
class Frame:
    """One position of a run, or several that a request failed to fill for one reason.

    `images` is the number of positions that the frame stands for. `title`, `note` and `cost` are
    sentences. `cancel` and `try_again` are addresses of buttons; `remedies` are further buttons.
    `image` identifies the image, and `drawn` is its HTML if it is drawn separately.
    """

    state: FrameState
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
    image: UUID | None = None
    href: str = ""
    src: str = ""
    alt: str = ""
    chip: str = ""
    download: str = ""
    width: int = 0
    height: int = 0
    drawn: str = ""

    @property
    def count(self) -> str:
        """How many images the frame stands for; empty if it is one."""
        if self.images == 1:
            return ""
        text = ngettext("%(count)d image", "%(count)d images", self.images)
        return text % {"count": self.images}

    @property
    def shape(self) -> str:
        """The class of the image's own shape."""
        return shape_of(self.width, self.height)

    def as_shown(self, *, reuse: str, with_shape: bool = False) -> ShownImage:
        """The image as `drawing` takes it; `reuse` is the address that fills the composer from its
        run.

        `with_shape` gives it the class of its own shape. Otherwise it takes the shape of its run.
        """
        return ShownImage(
            id=self.id,
            href=self.href,
            src=self.src,
            alt=self.alt,
            chip=self.chip,
            download=self.download,
            reuse=reuse,
            width=self.width,
            height=self.height,
            shape=self.shape if with_shape else "",
        )

    @property
    def icon(self) -> str:
        return _ICONS.get(self.state, "")


_ICONS = {
    FrameState.FAILED: "triangle-alert",
    FrameState.CANCELLED: "ban",
    FrameState.UNKNOWN: "circle-question-mark",
}


def preview_frame(preview: Preview, *, alt: str) -> Frame:
    """The frame of an image, which links to the image's page; `alt` is its alternative text."""
    if preview.erased_at:
        return Frame(FrameState.CANCELLED, f"image-{preview.image}", title=_("Erased"))
    return Frame(
        state=FrameState.DONE,
        id=f"image-{preview.image}",
        image=preview.image,
        href=image_path(preview.image),
        src=rendition_path(preview.uuid, preview.format),
        alt=alt,
        chip=label_chips.chip(preview.words),
        download=download_path(preview.image),
        width=preview.width,
        height=preview.height,
    )


def alt_text(prompt: str, source: str = Source.GENERATED) -> str:
    """The alternative text of an image made from `prompt` in this way."""
    return label_chips.alt_text(shortened(prompt, ALT_LENGTH), source)


def shortened(text: str, length: int) -> str:
    """The beginning of `text` on one line, at most `length` characters."""
    line = " ".join(text[: 2 * length].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def shape_of_frames(frames: Iterable[Frame], otherwise: str) -> str:
    """The shape of the first image that has come, or `otherwise`."""
    return next((frame.shape for frame in frames if frame.state == FrameState.DONE), otherwise)
