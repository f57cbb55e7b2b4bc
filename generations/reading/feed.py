"""The studio's feed: runs, newest first, each with its person, prompt and frames."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import keyset
from accounts.access import may_make
from accounts.models import User
from accounts.phrases import listed
from generations import dismissals
from generations.models import Generation, Run
from generations.paths import FEWEST_COMPARED, MOST_COMPARED, compare_path, reuse_path
from generations.providers import registry
from generations.reading import drawing
from generations.reading.amounts import of_wanted
from generations.reading.frames import Frame, FrameState, frames_of, shape_of_frames, shortened
from generations.reading.shapes import format_asked, shape_asked, shape_of
from generations.states import RunStatus

PAGE_SIZE = 10
# The most runs in each of the two lists of a live update.
LIVE_SIZE = 60
# The most new runs of team-mates that are counted.
NEWS_MOST = 60
# How long a run further down the page is still updated after one of its requests has ended.
AFTERGLOW = dt.timedelta(minutes=1)
PROMPT_LENGTH = 200
# A run with at least as many frames has its rows to itself.
ROW = 4
# What the badge of a run says of its frames.
BADGES = {
    FrameState.SENT: gettext_lazy("%(count)d generating"),
    FrameState.SAVING: gettext_lazy("%(count)d saving"),
    FrameState.QUEUED: gettext_lazy("%(count)d in line"),
}


class Scope(StrEnum):
    """Whose runs the feed shows."""

    TEAM = "team"
    MINE = "mine"


@dataclass(frozen=True)
class RunCard:
    """One run as the feed shows it. Every text is ready to print.

    `author` is the key of the person. `images` is the HTML of all frames if each of them is an
    image, else empty. `is_mixed` says that the images have different shapes. `compare` is the
    address that shows all images beside one another, empty if they are not two to four. `size` is
    the class of a run with few frames, which shares its row with others. `ended` is one sentence on
    how the run ended, if it is the viewer's own. `dismiss` is the address that takes it out of the
    feed, empty if it has images, and `dismisses_for_all` says from whose.
    """

    uuid: str
    author: int
    status: str
    shape: str
    initials: str
    colour: int
    person: str
    prompt: str
    about: str
    badge: str
    at: str
    ago: str
    frames: Sequence[Frame]
    images: SafeString
    is_mixed: bool
    compare: str
    size: str
    ended: str
    dismiss: str
    dismisses_for_all: bool

    @property
    def alone(self) -> list["RunCard"]:
        """The run as a list, for the template that draws lists of runs."""
        return [self]


@dataclass(frozen=True)
class FeedPage:
    """Runs, newest first. `next_cursor` leads to older ones and is empty if there are none."""

    cards: list[RunCard]
    next_cursor: str


@dataclass(frozen=True)
class Live:
    """The part of the feed that updates itself: a run, or the first page, and all newer runs.

    `elsewhere` are runs of the viewer further down the page that have changed. `since` and `until`
    are the UUIDs of the oldest run and of the newest one of the whole team that the page has shown.
    `pending` says whether to go on polling. `next_cursor` leads to older runs, if this is the first
    page.
    """

    cards: list[RunCard]
    elsewhere: list[RunCard]
    since: str
    until: str
    next_cursor: str
    pending: bool


@dataclass(frozen=True)
class News:
    """What team-mates have made since the page was opened, in one sentence; empty if nothing."""

    text: str


def scope_of(text: str) -> Scope:
    """The scope named `text`, or the team's if there is no such scope."""
    return Scope.MINE if text == Scope.MINE else Scope.TEAM


def page(viewer: User, *, scope: Scope, cursor: str) -> FeedPage:
    """The runs that are older than the run with the UUID `cursor`."""
    found = _page(viewer, scope, cursor)
    return FeedPage(cards(found.rows, viewer=viewer), found.next_cursor)


def live(viewer: User, *, scope: Scope, since: str = "", until: str = "") -> Live:
    """The run with the UUID `since` and all newer ones, or the first page.

    Of runs newer than `until`, only the viewer's own are included, so that what others make does
    not push away what the viewer looks at; see `news`. Runs of the viewer that are open or have
    just ended are included, wherever they stand.
    """
    oldest = keyset.place_of(_seen_by(viewer), since)
    newest = keyset.place_of(_seen_by(viewer), until) if oldest else None
    if oldest:
        here, next_cursor = _between(viewer, scope, oldest, newest), ""
    else:
        found = _page(viewer, scope, cursor="")
        here, next_cursor = found.rows, found.next_cursor
    pending = _pending(viewer)
    elsewhere = (pending | _ended_lately(viewer)) - {run.pk for run in here}
    others = _newest(viewer, elsewhere) if elsewhere else []
    drawn = cards([*here, *others], viewer=viewer)
    return Live(
        cards=drawn[: len(here)],
        elsewhere=drawn[len(here) :],
        since=since if oldest else str(here[-1].uuid) if here else "",
        until=until if newest else str(here[0].uuid) if here else "",
        next_cursor=next_cursor,
        pending=bool(pending),
    )


def news(viewer: User, *, until: str) -> News:
    """The images that team-mates have made in runs newer than the one with the UUID `until`."""
    place = keyset.place_of(_seen_by(viewer), until)
    if place is None:
        return News("")
    newer = keyset.newest_first(keyset.newer(_seen_by(viewer), place))[:NEWS_MOST]
    rows = newer.values_list("user", "user__name", "user__email", "delivered")
    made = [row for row in rows if row[0] != viewer.pk and row[3]]
    people = {key: name or email for key, name, email, _delivered in made}
    return News(_news(sum(row[3] for row in made), list(people.values())))


def cards(runs: Sequence[Run], *, viewer: User) -> list[RunCard]:
    """The runs as cards. Their `user` must be loaded."""
    frames = frames_of(runs, viewer=viewer)
    now, makes = timezone.now(), may_make(viewer)
    return [_card(run, frames[run.pk], viewer, now, makes=makes) for run in runs]


def ago(moment: dt.datetime, *, now: dt.datetime, user: User) -> str:
    """How long ago something was, in short. After a day it is a date in the team's time zone."""
    minutes = int((now - moment).total_seconds() // 60)
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("%(count)d min ago", "%(count)d min ago", minutes) % {"count": minutes}
    if minutes < 24 * 60:
        hours = minutes // 60
        return ngettext("%(count)d h ago", "%(count)d h ago", hours) % {"count": hours}
    local = moment.astimezone(user.tzinfo)
    return date_format(
        local, "SHORT_MONTH_DAY_FORMAT" if local.year == now.year else "SHORT_DATE_FORMAT"
    )


def engine_label(name: str) -> str:
    """The label of an engine and its provider, even if the engine is no longer set up."""
    engine = registry.known_engines().get(name)
    return registry.full_label(engine) if engine else name


# --- Steps -------------------------------------------------------------------------------------


def _page(viewer: User, scope: Scope, cursor: str) -> keyset.Page[Run]:
    return keyset.page(
        _runs(viewer, scope), cursor=cursor, anchors=_seen_by(viewer), size=PAGE_SIZE
    )


def _between(
    viewer: User, scope: Scope, oldest: keyset.Place, newest: keyset.Place | None
) -> list[Run]:
    """The runs from `oldest` to `newest`, and newer ones of the viewer; newest first."""
    runs = keyset.not_older(_runs(viewer, scope), oldest)
    if newest is None:
        return list(keyset.newest_first(runs)[:LIVE_SIZE])
    # Two queries, each of which reads a range of its index: with an OR the database would read
    # all that team-mates have made since the page was opened.
    own = keyset.newest_first(keyset.newer(_runs(viewer, Scope.MINE), newest))[:LIVE_SIZE]
    known = keyset.newest_first(keyset.not_newer(runs, newest))[:LIVE_SIZE]
    return [*own, *known][:LIVE_SIZE]


def _news(images: int, people: list[str]) -> str:
    if not people:
        return ""
    if len(people) == 1:
        text = ngettext(
            "%(count)d new image from %(person)s", "%(count)d new images from %(person)s", images
        )
        return text % {"count": images, "person": people[0]}
    text = ngettext(
        "%(count)d new image from %(people)d people",
        "%(count)d new images from %(people)d people",
        images,
    )
    return text % {"count": images, "people": len(people)}


def _seen_by(viewer: User) -> QuerySet[Run]:
    return Run.objects.visible_to(viewer)


def _runs(viewer: User, scope: Scope) -> QuerySet[Run]:
    runs = dismissals.without_dismissed(_seen_by(viewer), viewer).select_related("user")
    return runs.filter(user=viewer) if scope == Scope.MINE else runs


def _pending(viewer: User) -> set[int]:
    """The primary keys of the viewer's runs that have open requests."""
    # A query apart from `_ended_lately`, so that each can use its index. With an OR the database
    # would read all runs of the viewer.
    return set(Run.objects.filter(user=viewer, open__gt=0).values_list("pk", flat=True))


def _ended_lately(viewer: User) -> set[int]:
    """The primary keys of the viewer's runs with a request that ended within `AFTERGLOW`."""
    since = timezone.now() - AFTERGLOW
    ended = Generation.objects.filter(user=viewer, ended_at__gt=since).order_by()
    return set(ended.values_list("run", flat=True))


def _newest(viewer: User, keys: set[int]) -> list[Run]:
    """The runs with these primary keys, newest first."""
    return list(keyset.newest_first(_runs(viewer, Scope.TEAM).filter(pk__in=keys))[:LIVE_SIZE])


def _card(run: Run, frames: list[Frame], viewer: User, now: dt.datetime, *, makes: bool) -> RunCard:
    """`makes` says whether the viewer may ask for images."""
    is_own = run.user_id == viewer.pk
    return RunCard(
        uuid=str(run.uuid),
        author=run.user_id,
        status=run.status,
        shape=shape_of_frames(frames, shape_asked(run.options)),
        initials=run.user.initials,
        colour=run.user.colour,
        person=str(run.user),
        prompt=shortened(run.prompt, PROMPT_LENGTH),
        about=listed(engine_label(run.engine), format_asked(run.options)),
        badge=_badge(frames),
        at=run.created_at.isoformat(),
        ago=ago(run.created_at, now=now, user=viewer),
        compare=_compare(frames),
        size=f"run-{len(frames)}" if len(frames) < ROW else "",
        ended=_ended(run) if is_own and not run.open else "",
        dismiss=reverse("run-dismiss", args=[run.uuid]) if dismissals.can_dismiss(run) else "",
        dismisses_for_all=is_own,
        **_drawn(run, frames, viewer, makes=makes),
    )


def _drawn(run: Run, frames: list[Frame], viewer: User, *, makes: bool) -> dict[str, Any]:
    """The fields `frames`, `images` and `is_mixed` of a card.

    If all frames are images, they are drawn together. Otherwise each image is drawn separately.
    """
    is_mixed = _is_mixed(frames)
    reuse = reuse_path(run.uuid) if makes else ""
    shown = partial(Frame.as_shown, reuse=reuse, with_shape=is_mixed)
    if frames and all(frame.state == FrameState.DONE for frame in frames):
        images = drawing.images(map(shown, frames))
        return {"frames": frames, "images": images, "is_mixed": is_mixed}
    frames = [
        replace(frame, drawn=drawing.images([shown(frame)])) if frame.src else frame
        for frame in frames
    ]
    frames = _with_try_again(frames, _try_again(run, viewer))
    return {"frames": frames, "images": SafeString(), "is_mixed": is_mixed}


def _compare(frames: Iterable[Frame]) -> str:
    images = [frame.image for frame in frames if frame.image]
    return compare_path(images) if FEWEST_COMPARED <= len(images) <= MOST_COMPARED else ""


def _is_mixed(frames: Iterable[Frame]) -> bool:
    # Most runs have images of one size, so few shapes have to be worked out.
    sizes = {(frame.width, frame.height) for frame in frames if frame.state == FrameState.DONE}
    return len(sizes) > 1 and len({shape_of(*size) for size in sizes}) > 1


def _badge(frames: Sequence[Frame]) -> str:
    counts = Counter(frame.state for frame in frames)
    return listed(
        *(text % {"count": counts[state]} for state, text in BADGES.items() if counts[state])
    )


def _try_again(run: Run, viewer: User) -> str:
    """The address that asks for the missing images again; empty if the viewer can't do that now."""
    at_rest = not run.open and not run.unknown
    possible = run.user_id == viewer.pk and may_make(viewer) and at_rest and run.missing
    if not possible or run.engine not in registry.engines():
        return ""
    return reverse("run-try-again", args=[run.uuid])


def _with_try_again(frames: list[Frame], path: str) -> list[Frame]:
    """Put the button, which asks for all missing images, into the first frame without an image."""
    for index, frame in enumerate(frames):
        if path and frame.state in (FrameState.FAILED, FrameState.CANCELLED):
            return [*frames[:index], replace(frame, try_again=path), *frames[index + 1 :]]
    return frames


def _ended(run: Run) -> str:
    """How a run ended, in one sentence without its prompt."""
    if run.unknown:
        return _("What became of a run is unknown.")
    if run.delivered >= run.wanted:
        text = ngettext("%(count)d image is ready.", "%(count)d images are ready.", run.delivered)
        return text % {"count": run.delivered}
    if run.delivered:
        ready = of_wanted(run.delivered, run.wanted)
        return _("%(ready)s images are ready.") % {"ready": ready}
    if run.status == RunStatus.CANCELLED:
        return _("A run was cancelled.")
    return _("A run has ended without images.")
