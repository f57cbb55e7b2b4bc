"""A person's exports, as a page shows them."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import keyset, stored_texts
from accounts.events import Event
from accounts.models import User
from accounts.phrases import listed, pair
from generations.exports.images import IMAGES
from generations.exports.registry import format_of, kind_of
from generations.models import Export
from generations.models.export import OPEN
from generations.reading import amounts

PAGE_SIZE = 20
_TONES = {
    Export.State.WAITING: ("clock", ""),
    Export.State.MAKING: ("refresh-cw", "accent"),
    Export.State.READY: ("circle-check", "ok"),
    Export.State.FAILED: ("triangle-alert", "bad"),
    Export.State.DELETED: ("trash-2", ""),
    Export.State.EXPIRED: ("clock", ""),
}


@dataclass(frozen=True)
class Row:
    """One export. `icon` and `tone` are those of its state; `tone` is accent, ok, bad or empty.

    `progress` says how far it has come, while it is made; `done` and `total` are for its bar,
    `total` is None until it is known. `holds` and `size` describe a finished file.
    """

    uuid: str
    title: str
    format: str
    state: str
    icon: str
    tone: str
    asked_at: datetime
    progress: str
    done: int
    total: int | None
    problem: str
    holds: str
    size: str
    sha256: str
    expires_at: datetime | None
    may_download: bool
    may_delete: bool


@dataclass(frozen=True)
class Page:
    """Exports, newest first; `is_open` if one is not ready yet. `tag` changes with any of them."""

    rows: list[Row]
    next_cursor: str
    is_open: bool
    tag: str


def page(user: User, *, kinds: Sequence[str], cursor: str = "") -> Page:
    """The person's exports of these kinds."""
    own = Export.objects.visible_to(user).filter(kind__in=kinds)
    found = keyset.page(own, cursor=cursor, anchors=own, size=PAGE_SIZE)
    rows = [_row(export) for export in found.rows]
    is_open = any(export.state in OPEN for export in found.rows)
    tag = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    return Page(rows, found.next_cursor, is_open, tag)


def _row(export: Export) -> Row:
    is_ready = export.state == Export.State.READY
    icon, tone = _TONES[Export.State(export.state)]
    kind = kind_of(export)
    return Row(
        uuid=str(export.uuid),
        title=pair(kind.label, kind.in_words(export)) if export.options else str(kind.label),
        format=str(format_of(export).label),
        state=str(export.get_state_display()),
        icon=icon,
        tone=tone,
        asked_at=export.created_at,
        progress=_progress(export) if export.state in OPEN else "",
        done=export.done,
        total=export.total,
        problem=stored_texts.read(export.problem),
        holds=_holds(export),
        size=filesizeformat(export.bytes) if export.bytes else "",
        sha256=export.sha256,
        expires_at=export.expires_at if is_ready else None,
        may_download=is_ready,
        may_delete=is_ready or export.state in OPEN,
    )


def _progress(export: Export) -> str:
    if export.state == Export.State.WAITING:
        return _("A worker begins soon.") if not export.tries else _("It starts again soon.")
    if export.total is None:
        return _("It begins.") if export.kind == IMAGES.name else _("Looking for the records.")
    if export.done >= export.total:
        return _("Storing the file.")
    return _("%(done)s of %(total)s") % {"done": f"{export.done:,}", "total": f"{export.total:,}"}


def _holds(export: Export) -> str:
    """What a finished file holds, in words."""
    facts = export.facts
    if "files_read" in facts:
        return listed(*_files(facts))
    if export.kind == IMAGES.name and "images" in facts:
        return listed(*_packed(facts))
    return listed(*_counts(facts)) if "records" in facts else ""


def _files(facts: dict[str, int]) -> Iterable[str]:
    read, lacking = facts["files_read"], facts["files_lacking"]
    yield ngettext("%s file", "%s files", read) % f"{read:,}"
    if lacking:
        yield ngettext("%s lacks a label", "%s lack a label", lacking) % f"{lacking:,}"
    else:
        yield _("all with complete labels")


def _packed(facts: dict[str, int]) -> Iterable[str]:
    images, lacking = facts["images"], facts["pictures_lacking"]
    yield ngettext("%s image", "%s images", images) % f"{images:,}"
    if lacking:
        yield ngettext("%s could not be packed", "%s could not be packed", lacking) % f"{lacking:,}"


def _counts(facts: dict[str, int]) -> Iterable[str]:
    records, pictures = facts["records"], facts.get("pictures", 0)
    yield ngettext("%s record", "%s records", records) % f"{records:,}"
    if pictures:
        yield ngettext("%s picture", "%s pictures", pictures) % f"{pictures:,}"
    if lacking := facts.get("pictures_lacking"):
        text = ngettext(
            "%s picture that storage has lost", "%s pictures that storage has lost", lacking
        )
        yield text % f"{lacking:,}"


# --- What their records say, in a sentence -------------------------------------------------------


def _exported(facts: Mapping[str, Any]) -> str:
    if "records" not in facts:
        return ""
    records = ngettext("%(count)s record", "%(count)s records", facts["records"])
    return records % {"count": f"{facts['records']:,}"}


def _made(facts: Mapping[str, Any]) -> str:
    return amounts.images(facts["images"]) if facts["kind"] == IMAGES.name else _exported(facts)


def _asked(facts: Mapping[str, Any]) -> str:
    if facts["kind"] == IMAGES.name:
        return _("images of the gallery")
    if facts["kind"] == "labels":
        return _("labels of a campaign") if facts.get("filtered") else _("labels of all images")
    return _("chosen by filters") if facts.get("filtered") else _("all records")


def _failed(facts: Mapping[str, Any]) -> str:
    return stored_texts.read(str(facts.get("problem", ""))).rstrip(".。")


def _usage(facts: Mapping[str, Any]) -> str:
    days = {"first": facts["from"], "last": facts["to"]}
    if facts["all_teams"]:
        return _("all teams, %(first)s to %(last)s") % days
    return _("one team, %(first)s to %(last)s") % days


def _own_credits(facts: Mapping[str, Any]) -> str:
    return _("own credits, %(from)s to %(to)s") % facts


SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    Event.LOG_EXPORTED: _exported,
    Event.EXPORT_ASKED: _asked,
    Event.EXPORT_MADE: _made,
    Event.EXPORT_FAILED: _failed,
    Event.USAGE_EXPORTED: _usage,
    Event.CREDITS_EXPORTED: _own_credits,
}
