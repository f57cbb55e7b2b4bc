"""What is in a file that somebody has, and whether it is an image of the studio."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.identifiers import uuid_of
from accounts.models import User
from generations.labelling.inspecting.layers import Layers
from generations.labelling.inspecting.reports import as_json
from generations.labelling.manifests.credentials import TRUSTED
from generations.models import Conversion, FormerRendition, Image, Rendition
from generations.reading.labels import Line, lines_of

# How an image was recognised, the surest way first: by the labelled file as the studio stored it,
# by one that it has labelled anew since, by the original, by an identifier that stands in the file,
# by the mark in the pixels.
FILE, FORMER, ORIGINAL, NAMED, MARKED = "file", "former", "original", "named", "marked"
# Named, by a valid signature of the studio.
SIGNED = "signed"


@dataclass(frozen=True)
class Match:
    """The image of the studio that a file is or comes from, and how it was recognised."""

    image: Image
    how: str


@dataclass(frozen=True)
class Answer:
    """What people read about a file: whether it is ours, its layers, and the details of each.

    `href` is the page of the image, empty if there is none or the person may not open it.
    """

    title: str
    text: str
    tone: str
    href: str
    lines: list[Line]
    details: list[tuple[str, str]]

    @property
    def icon(self) -> str:
        return {"ok": "badge-check", "warn": "triangle-alert"}.get(self.tone, "info")


def find(layers: Layers, *, viewer: User) -> Match | None:
    """The image that a file is or comes from, among those that `viewer` may know of.

    Costs a few reads by index.
    """
    images = _known_to(viewer)
    by_file = Rendition.objects.filter(sha256=layers.sha256).values("image")
    by_conversion = Conversion.objects.filter(sha256=layers.sha256).values("image")
    by_former = FormerRendition.objects.filter(sha256=layers.sha256).values("image")
    ways: list[tuple[str, dict[str, Any]]] = [
        (FILE, {"pk__in": by_file}),
        (FILE, {"pk__in": by_conversion}),
        (FORMER, {"pk__in": by_former}),
        (ORIGINAL, {"original_sha256": layers.sha256}),
        (NAMED, {"uuid__in": _named(layers)}),
    ]
    if layers.mark.number is not None:
        ways.append((MARKED, {"delivery": layers.mark.number}))
    for how, wanted in ways:
        if image := images.filter(**wanted).order_by("-pk").first():
            return Match(image, how)
    return None


def answer(layers: Layers, match: Match | None, *, viewer: User) -> Answer:
    """What people read about a file."""
    title, text, tone = _told(layers, match)
    return Answer(
        title=title,
        text=text,
        tone=tone,
        href=_page_of(match.image, viewer) if match else "",
        lines=lines_of(layers, zone=viewer.tzinfo, ours=match is not None),
        details=_details(layers),
    )


def _known_to(viewer: User) -> QuerySet[Image]:
    """The images that `viewer` may learn of, with erased ones, whose tombstones are shown."""
    images = Image.objects.all()
    if not audit.reads_whole_log(viewer):
        images = images.filter(team=viewer.team_id)
    return images.exclude(hidden_at__isnull=False, erased_at__isnull=True)


def _named(layers: Layers) -> list[Any]:
    """The identifiers that a file claims to be of, in any of its layers."""
    texts = [layers.credentials.image_id if layers.credentials else ""]
    if layers.xmp:
        texts += [layers.xmp.image_id, layers.xmp.identifier.removeprefix("urn:uuid:")]
    for mark in layers.aigc:
        texts += [mark.fields.get("PropagateID", ""), mark.fields.get("ProduceID", "")]
    return [known for text in texts if (known := uuid_of(text))]


def _told(layers: Layers, match: Match | None) -> tuple[str, str, str]:
    """The title, the text and the tone of an answer."""
    if match is None:
        text = _("Its hash, its labels and its pixels lead to no image that you may see here.")
        return _("Not an image of your team"), text, ""
    if match.image.erased_at:
        text = _("The studio made it, and has erased it since.")
        return _("An image that was erased"), text, "warn"
    how = SIGNED if match.how == NAMED and _is_signed_for(layers, match.image) else match.how
    title, words, tone = _WORDS[how]
    return str(title), str(words), tone


_WORDS: dict[str, tuple[Promise, Promise, str]] = {
    FILE: (
        gettext_lazy("One of ours, unchanged"),
        gettext_lazy("It is byte for byte a labelled file as the studio stored it."),
        "ok",
    ),
    FORMER: (
        gettext_lazy("One of ours, with earlier labels"),
        gettext_lazy(
            "It is byte for byte a labelled file that the studio has since replaced by one with "
            "newer labels."
        ),
        "ok",
    ),
    ORIGINAL: (
        gettext_lazy("One of ours, without a label"),
        gettext_lazy(
            "It is the original, as the provider sent it. Whoever publishes it must label it."
        ),
        "warn",
    ),
    SIGNED: (
        gettext_lazy("One of ours"),
        gettext_lazy("Its signature is valid and names this image."),
        "ok",
    ),
    NAMED: (
        gettext_lazy("It says that it is one of ours"),
        gettext_lazy(
            "Its labels name an image of the studio, but the file is not one that the studio has "
            "now. Labels can be copied: compare the pictures."
        ),
        "warn",
    ),
    MARKED: (
        gettext_lazy("One of ours, changed since"),
        gettext_lazy(
            "Its labels are gone or changed, but the mark in its pixels leads to an image of the "
            "studio."
        ),
        "warn",
    ),
}


def _is_signed_for(layers: Layers, image: Image) -> bool:
    found = layers.credentials
    return bool(found and found.state == TRUSTED and found.image_id == str(image.uuid))


def _page_of(image: Image, viewer: User) -> str:
    if image.team_id == viewer.team_id:
        return reverse("image", args=[image.uuid])
    return reverse("log-image", args=[image.uuid])


def _details(layers: Layers) -> list[tuple[str, str]]:
    """Names and values for whoever wants to know exactly, as `docs/labels.md` names them."""
    found = as_json(layers)
    size = f"{layers.format} {layers.width}×{layers.height}, " if layers.format else ""
    rows: list[tuple[str, Any]] = [
        ("SHA-256", layers.sha256),
        ("size", f"{size}{layers.bytes:,} bytes"),
    ]
    for name, section in (("C2PA", "credentials"), ("XMP", "xmp"), ("EXIF", "exif")):
        rows += [(f"{name} {field}", value) for field, value in (found[section] or {}).items()]
    for mark in found["aigc"]:
        rows += [(f"AIGC {field}", value) for field, value in mark["fields"].items()]
    rows += [(f"PNG {text['name']}", f"{text['bytes']} bytes") for text in found["texts"]]
    return [(name, text) for name, value in rows if (text := _as_text(value))]


def _as_text(value: Any) -> str:
    """A value in one line; of what has several parts, those that are not empty."""
    if isinstance(value, bool):
        return _("yes") if value else ""
    if isinstance(value, Mapping):
        return " · ".join(filter(None, map(_as_text, value.values())))
    if isinstance(value, list):
        return ", ".join(filter(None, map(_as_text, value)))
    return "" if value is None else str(value)
