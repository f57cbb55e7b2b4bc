"""What the labels of a file say, in words for people who did not make them.

Each line has a word for its state besides the icon and the colour.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.phrases import listed, sentences
from generations import label_reading, storage
from generations.labelling import FULL, Source
from generations.labelling.inspecting.layers import Layers
from generations.labelling.inspecting.reports import BEHIND, MARKS
from generations.labelling.inspecting.verdict import AI_TYPES, faults
from generations.labelling.manifests.credentials import (
    INVALID,
    REMOTE,
    TRUSTED,
    UNREADABLE,
    VALID,
    Credentials,
)
from generations.labelling.mark.limits import DOES_NOT_SURVIVE, SURVIVES
from generations.models import Image, Rendition

# Letters that are smaller can't be read: the studio then repeats them beside the image.
LEAST_CAPITALS = 12


@dataclass(frozen=True)
class Line:
    """One layer of a file: its name, a word for its state, and what that means.

    `tone` is ok, warn, bad or empty; `icon` goes with it. `more` are sentences that people may
    open; `more_about` is their title.
    """

    name: str
    state: str
    tone: str
    text: str
    more_about: str = ""
    more: Sequence[Promise] = ()

    @property
    def icon(self) -> str:
        return _ICONS[self.tone]


_ICONS = {"ok": "circle-check", "warn": "triangle-alert", "bad": "circle-x", "": "circle-dashed"}


@dataclass(frozen=True)
class Card:
    """What the labelled file of an image carries. `title` and `tone` sum it up.

    Without `lines`, the file could not be read, and `title` says why.
    """

    title: str
    tone: str
    lines: tuple[Line, ...] = ()
    has_pixels: bool = False

    @property
    def icon(self) -> str:
        return "shield-check" if self.tone == "ok" else "shield-alert"


def card_of(image: Image, *, zone: tzinfo, pixels: bool) -> Card:
    """What the labelled file of `image` carries, read from the file now.

    Without `pixels` the mark in them is not looked for: to decode them costs ten times as much as
    all the rest. Times are in `zone`.
    """
    row = image.renditions.get(recipe=FULL.name)
    try:
        data = storage.read(storage.renditions(), row.name)
    except FileNotFoundError:
        return Card(_("The storage has lost this file"), "bad")
    except storage.StorageAway:
        return Card(_("The file can't be read now. Try again in a minute."), "warn")
    layers = label_reading.look(data, pixels=pixels)
    title, tone = _summary(layers, row)
    stored = row if layers.sha256 == row.sha256 else None
    lines = (
        _badge(stored),
        *lines_of(layers, zone=zone, expected=stored),
        _provider(image.arrived_with),
    )
    return Card(title, tone, lines, has_pixels=pixels)


def lines_of(
    layers: Layers, *, zone: tzinfo, ours: bool = True, expected: Rendition | None = None
) -> list[Line]:
    """The layers of any file. A label that is missing is wrong only if the image is `ours`.

    `expected` is the row of a file of ours, which says what the studio put into it.
    """
    missing = "warn" if ours else ""
    lines = [_source_type(layers, missing), _aigc(layers, missing), _signature(layers, zone)]
    if layers.credentials and layers.credentials.is_intact:
        lines.append(_time_stamp(layers.credentials, zone))
    lines.append(_mark(layers, expected))
    return [*lines, *_others(layers)]


def marks_in_words(kept: Mapping[str, str]) -> str:
    """By which marks a provider said that a model had made an image; empty without any."""
    found = " + ".join(kind.upper() for kind in MARKS if kept.get(kind))
    return _("marked by its provider: %(marks)s") % {"marks": found} if found else ""


def recognised_in_words(how: str) -> str:
    """How a file was recognised that somebody looked into, as its record has it."""
    known = {
        "file": _("one of ours, unchanged"),
        "former": _("one of ours, with earlier labels"),
        "original": _("one of ours, the original"),
        "named": _("its labels name an image"),
        "marked": _("recognised by its mark"),
    }
    return known.get(how, _("not recognised"))


def _summary(layers: Layers, row: Rendition) -> tuple[str, str]:
    if layers.sha256 != row.sha256:
        return _("This is not the file that the studio stored"), "bad"
    found = faults(layers, signed=bool(row.certificate))
    if found:
        return _("Some labels are missing or wrong"), "warn"
    if row.image.source_type != Source.GENERATED:
        return _("Modified with AI, labels in place"), "ok"
    return _("AI-generated, labels in place"), "ok"


def _badge(row: Rendition | None) -> Line:
    """The badge, which only the row knows of; None if the file is another one."""
    name = _("Badge in the image")
    if row is None:
        return Line(name, _("Not known"), "", _("The studio did not draw one into this file."))
    if row.capitals is None:
        return Line(name, _("In place"), "ok", _("Everybody sees it without opening anything."))
    height = {"height": row.capitals}
    if row.capitals < LEAST_CAPITALS:
        text = _(
            "The image has no room for letters that can be read: they are %(height)d pixels high. "
            "Say beside the image: %(words)s."
        )
        words = " ".join(row.badge.get("text", _("AI-generated")).splitlines())
        return Line(name, _("Too small to read"), "warn", text % {**height, "words": words})
    text = _("Everybody sees it without opening anything. Its capitals are %(height)d pixels high.")
    return Line(name, _("In place"), "ok", text % height)


_TYPES: dict[str, Promise] = {
    "trainedAlgorithmicMedia": gettext_lazy("It says: made by AI."),
    "compositeWithTrainedAlgorithmicMedia": gettext_lazy("It says: made by AI from a real image."),
    "algorithmicallyEnhanced": gettext_lazy("It says: a real image, enhanced by software."),
    "compositeSynthetic": gettext_lazy("It says: put together with parts made by AI."),
}


def _source_type(layers: Layers, missing: str) -> Line:
    name = _("AI notice in the metadata (IPTC)")
    stated = layers.xmp.source_types if layers.xmp else ()
    who = _("Search engines and programs for images read it.")
    if layers.xmp and layers.xmp.problem:
        return Line(name, _("Not readable"), "warn", _("The metadata is damaged."))
    if not stated:
        return Line(name, _("Missing"), missing, _("Nothing says how the image was made."))
    if len(stated) > 1:
        return Line(name, _("Unclear"), "warn", _("There is more than one."))
    if stated[0] not in AI_TYPES:
        return Line(name, _("Not AI"), "", _("It names another way of making an image."))
    return Line(name, _("In place"), "ok", f"{_TYPES[stated[0].rpartition('/')[2]]} {who}")


_AIGC_PROBLEMS: dict[str, Promise] = {
    "not_readable": gettext_lazy("It can't be read."),
    "lacking": gettext_lazy("A field is missing."),
    "not_text": gettext_lazy("A field is not a text."),
    "alphabet": gettext_lazy("It has characters that the standard excludes."),
    "label": gettext_lazy("Its value is none of the standard's."),
    "producer": gettext_lazy("It names no producer."),
    "propagator": gettext_lazy("It does not say who passed the image on."),
}


def _aigc(layers: Layers, missing: str) -> Line:
    name = _("Chinese label (AIGC)")
    if not layers.aigc:
        text = _("Platforms in China look for it.")
        return Line(name, _("Missing"), missing, text)
    if len(layers.aigc) > 1:
        return Line(name, _("Wrong"), "warn", _("The standard allows one; this file has several."))
    (mark,) = layers.aigc
    if mark.problems:
        text = sentences(*(_AIGC_PROBLEMS[code] for code in mark.problems))
        return Line(name, _("Wrong"), "warn", text)
    says = {
        "1": _("It says: made by AI."),
        "2": _("It says: perhaps made by AI."),
        "3": _("It says: suspected to be made by AI."),
    }
    told = {"says": says[mark.fields["Label"]], "producer": mark.fields["ContentProducer"]}
    text = _("%(says)s Platforms in China read it. Producer: %(producer)s.")
    return Line(name, _("In place"), "ok", text % told)


# The word for a state, its tone and what it means.
_SIGNATURES: dict[str, tuple[Promise, str, Promise]] = {
    TRUSTED: (
        gettext_lazy("Valid"),
        "ok",
        gettext_lazy("Signed by {signer}. Nothing has changed since."),
    ),
    VALID: (
        gettext_lazy("Intact, signer not confirmed"),
        "warn",
        gettext_lazy(
            "Nothing has changed since it was signed. The signer calls itself {signer}; the studio "
            "knows nobody who vouches for that."
        ),
    ),
    INVALID: (
        gettext_lazy("Broken"),
        "bad",
        gettext_lazy("The file has been changed since {signer} signed it, or was signed wrongly."),
    ),
    UNREADABLE: (gettext_lazy("Not readable"), "warn", gettext_lazy("It is damaged or too large.")),
    REMOTE: (
        gettext_lazy("Elsewhere"),
        "",
        gettext_lazy("The file names an address on the internet. The studio does not open it."),
    ),
}


def _signature(layers: Layers, zone: tzinfo) -> Line:
    name = _("Signature (C2PA content credentials)")
    found = layers.credentials
    if found is None:
        return Line(name, _("Not signed"), "", _("Nothing proves who made the file."))
    if found.withdrawn_at:
        return Line(name, _("Certificate withdrawn"), "warn", _of_withdrawn(found, zone))
    state, tone, text = _SIGNATURES[found.state]
    signer = found.issuer or found.signer or _("somebody unnamed")
    return Line(name, str(state), tone, str(text).format(signer=signer))


def _of_withdrawn(found: Credentials, zone: tzinfo) -> str:
    """What a signature is worth whose key others may have had since."""
    since = found.withdrawn_at
    assert since is not None  # noqa: S101  # the caller has asked
    when = date_format(since.astimezone(zone), "DATETIME_FORMAT")
    if found.stamped_at and found.stamped_at < since:
        text = _(
            "Signed with a certificate that was withdrawn on %(when)s. The time stamp is from "
            "before, so the signature remains good if you trust the authority that gave it."
        )
    else:
        text = _(
            "Signed with a certificate that was withdrawn on %(when)s, because others may have its "
            "key. No time stamp shows that the file is older. Files stamped before remain good."
        )
    return text % {"when": when}


def _time_stamp(found: Credentials, zone: tzinfo) -> Line:
    name = _("Time stamp")
    if found.stamped_at is None:
        text = _("After the signer's certificate has expired, nobody can verify the signature.")
        return Line(name, _("None"), "", text)
    when = date_format(found.stamped_at.astimezone(zone), "DATETIME_FORMAT")
    text = _("An authority confirms that the file was signed on %(when)s.")
    return Line(name, _("In place"), "ok", text % {"when": when})


def _mark(layers: Layers, expected: Rendition | None) -> Line:
    name = _("Imperceptible mark")
    if layers.mark.state == "found":
        return _with_limits(Line(name, _("Found"), "ok", str(SURVIVES)))
    if layers.mark.state == "not_looked":
        return _mark_by_row(name, expected)
    if layers.mark.state == "absent":
        is_lost = bool(expected and expected.mark_key)
        text = _("The pixels carry no mark of this studio.")
        return Line(name, _("Not found"), "bad" if is_lost else "", text)
    reasons = {
        "busy": _("The studio was busy with other images. Try again in a minute."),
        "too_large": _("The image has too many pixels."),
        "damaged": _("The image is damaged."),
    }
    return Line(name, _("Not looked for"), "", reasons.get(layers.mark.state, ""))


def _with_limits(line: Line) -> Line:
    return replace(line, more_about=_("What it does not survive"), more=DOES_NOT_SURVIVE)


def _mark_by_row(name: str, expected: Rendition | None) -> Line:
    """What is known of the mark without the pixels."""
    if expected is None:
        return Line(name, _("Not looked for"), "", _("The pixels were not read."))
    if expected.mark_key is None:
        return Line(name, _("None"), "", _("The studio put none into this file."))
    text = _("The studio put it into this file. %(survives)s") % {"survives": SURVIVES}
    return _with_limits(Line(name, _("Put in, not looked for now"), "", text))


def _others(layers: Layers) -> Iterator[Line]:
    """What else people should know before they pass the file on."""
    if layers.exif and layers.exif.has_place:
        text = _("The metadata says where the picture was taken.")
        yield Line(_("Place"), _("In the file"), "warn", text)
    fields = [text.name for text in layers.texts]
    if layers.xmp and layers.xmp.has_prompt:
        fields.append("AIPromptInformation")
    if fields:
        text = _("Programs may have written a prompt into them: %(names)s.")
        names = listed(*dict.fromkeys(fields))
        yield Line(_("Text fields"), _("In the file"), "warn", text % {"names": names})
    if layers.trailing:
        text = _("Something follows the image in this file: %(bytes)s bytes.")
        more = {"bytes": f"{layers.trailing:,}"}
        # Phones write a map of depths or brightness there.
        yield Line(_("More than an image"), _("In the file"), "", text % more)
    words = {
        "not_an_image": _("It is no JPEG, PNG or WebP image."),
        "truncated": _("The file ends before the image is complete."),
        "animated": _("The image is animated."),
    }
    for problem in layers.problems:
        yield Line(_("The file itself"), _("Not as it should be"), "warn", words.get(problem, ""))


def _provider(kept: Mapping[str, str]) -> Line:
    """What the provider had written into the original, as `reports.in_codes` kept it."""
    name = _("From the provider")
    if not kept:
        text = _(
            "The image came before the studio looked for the marks of providers. It looks when the "
            "image is labelled again."
        )
        return Line(name, _("Not known"), "", text)
    told = []
    if kept.get("c2pa"):
        told.append(_c2pa_of_provider(kept))
    if kept.get(BEHIND):
        told.append(
            _(
                "A prompt stands in what was signed, so our files name the original by its hash "
                "and do not carry it. The original is kept as it came."
            )
        )
    if kept.get("aigc"):
        told.append(_("An AIGC label."))
    if kept.get("source_type"):
        told.append(_("An AI notice (IPTC): %(term)s.") % {"term": kept["source_type"]})
    if not told:
        return Line(name, _("Not marked"), "", _("The original came without any mark of origin."))
    return Line(name, _("Marked"), "ok", sentences(*told))


def _c2pa_of_provider(kept: Mapping[str, str]) -> str:
    signer = kept.get("issuer") or _("somebody unnamed")
    if kept["c2pa"] in (TRUSTED, VALID):
        return _("A signature (C2PA) by %(signer)s, intact.") % {"signer": signer}
    if kept["c2pa"] == INVALID:
        return _("A signature (C2PA) by %(signer)s, broken on arrival.") % {"signer": signer}
    return _("A signature (C2PA) that can't be read.")
