"""The studio's feed: runs, newest first, each with its person, its prompt and its frames."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from generations.models import Generation, Run
from generations.paths import reuse_path
from generations.providers import registry
from generations.reading import keyset
from generations.reading.frames import Frame, State, frames_of, shape_of_frames, shortened
from generations.reading.shapes import format_asked, shape_asked

PAGE_SIZE = 10
# So many runs at most are drawn again at each change; more can only come while someone waits.
LIVE_SIZE = 60
# How long a run from further down the page, tried again, is still drawn after it ended.
AFTERGLOW = dt.timedelta(minutes=1)
PROMPT_LENGTH = 200


class Scope(StrEnum):
    """Whose runs the feed shows."""

    TEAM = "team"
    MINE = "mine"


@dataclass(frozen=True)
class RunCard:
    """One run as the feed shows it; every text is finished."""

    uuid: str
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
    reuse: str
    frames: Sequence[Frame]

    @property
    def alone(self) -> list["RunCard"]:
        """The only run of a list, for a fragment of its own."""
        return [self]


@dataclass(frozen=True)
class FeedPage:
    """Runs, newest first; `next_cursor` leads to older ones and is empty where there are none."""

    cards: list[RunCard]
    next_cursor: str


@dataclass(frozen=True)
class Live:
    """The part of the feed that changes by itself: the runs from `since` on.

    `elsewhere` are further runs of the viewer, below on the page, that have changed. `pending`
    says whether to go on polling; `summary` is one sentence for screen readers. `next_cursor`
    leads to older runs, where the part was drawn from the top.
    """

    cards: list[RunCard]
    elsewhere: list[RunCard]
    since: str
    next_cursor: str
    pending: bool
    summary: str


def scope_of(text: str) -> Scope:
    """The scope called `text`; the team's for any other word."""
    return Scope.MINE if text == Scope.MINE else Scope.TEAM


def page(viewer: User, *, scope: Scope, cursor: str) -> FeedPage:
    """The runs that are older than the run `cursor`."""
    found = _page(viewer, scope, cursor)
    return FeedPage(cards(found.rows, viewer=viewer), found.next_cursor)


def live(viewer: User, *, scope: Scope, since: str = "") -> Live:
    """The runs from `since` on, or a first page, and how the viewer's own work stands."""
    place = keyset.place_of(_seen_by(viewer), since)
    if place:
        runs = _runs(viewer, scope)
        here = list(keyset.newest_first(keyset.not_older(runs, place))[:LIVE_SIZE])
        next_cursor = ""
    else:
        found = _page(viewer, scope, cursor="")
        here, next_cursor = found.rows, found.next_cursor
    elsewhere = _changed(viewer).exclude(pk__in=[run.pk for run in here])
    others = list(keyset.newest_first(elsewhere)[:LIVE_SIZE])
    drawn = cards([*here, *others], viewer=viewer)
    mine = [run for run in here if run.user_id == viewer.pk]
    return Live(
        cards=drawn[: len(here)],
        elsewhere=drawn[len(here) :],
        since=since if place else str(here[-1].uuid) if here else "",
        next_cursor=next_cursor,
        pending=is_pending(viewer),
        summary=_summary(mine[0]) if mine else "",
    )


def is_pending(viewer: User) -> bool:
    """Whether anything of the viewer's own is still on its way."""
    return Run.objects.filter(user=viewer, open__gt=0).exists()


def cards(runs: Sequence[Run], *, viewer: User) -> list[RunCard]:
    """The runs as cards. They come with their `user`."""
    frames = frames_of(runs, viewer=viewer)
    now = timezone.now()
    return [_card(run, frames[run.pk], viewer, now) for run in runs]


def ago(moment: dt.datetime, *, now: dt.datetime, user: User) -> str:
    """How long ago something was, shortly; a date in the team's time zone for what is older."""
    minutes = int((now - moment).total_seconds() // 60)
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("%(count)d min ago", "%(count)d min ago", minutes) % {"count": minutes}
    if minutes < 24 * 60:
        hours = minutes // 60
        return ngettext("%(count)d h ago", "%(count)d h ago", hours) % {"count": hours}
    local = moment.astimezone(user.team.tzinfo)
    return date_format(local, "j M" if local.year == now.year else "j M Y")


def engine_label(name: str) -> str:
    """What people call an engine and its provider, also where it is no longer set up."""
    engine = registry.known_engines().get(name)
    return registry.full_label(engine) if engine else name


# --- Steps -------------------------------------------------------------------------------------


def _page(viewer: User, scope: Scope, cursor: str) -> keyset.Page[Run]:
    return keyset.page(
        _runs(viewer, scope), cursor=cursor, anchors=_seen_by(viewer), size=PAGE_SIZE
    )


def _seen_by(viewer: User) -> QuerySet[Run]:
    return Run.objects.visible_to(viewer)


def _runs(viewer: User, scope: Scope) -> QuerySet[Run]:
    runs = _seen_by(viewer).select_related("user")
    return runs.filter(user=viewer) if scope == Scope.MINE else runs


def _changed(viewer: User) -> QuerySet[Run]:
    """The viewer's runs that are on their way, or were a moment ago."""
    # Two short look-ups by index: with an OR the database would read all runs of the viewer.
    ended = Generation.objects.filter(ended_at__gt=timezone.now() - AFTERGLOW)
    pending = Run.objects.filter(user=viewer, open__gt=0)
    keys = {*ended.values_list("run", flat=True), *pending.values_list("pk", flat=True)}
    return _runs(viewer, Scope.MINE).filter(pk__in=keys)


def _card(run: Run, frames: list[Frame], viewer: User, now: dt.datetime) -> RunCard:
    return RunCard(
        uuid=str(run.uuid),
        status=run.status,
        shape=shape_of_frames(frames, shape_asked(run.options)),
        initials=run.user.initials,
        colour=run.user.colour,
        person=str(run.user),
        prompt=shortened(run.prompt, PROMPT_LENGTH),
        about=", ".join(filter(None, [engine_label(run.engine), format_asked(run.options)])),
        badge=_badge(frames),
        at=run.created_at.isoformat(),
        ago=ago(run.created_at, now=now, user=viewer),
        reuse=reuse_path(run.uuid),
        frames=_with_try_again(frames, _try_again(run, viewer)),
    )


def _badge(frames: Sequence[Frame]) -> str:
    counts = Counter(frame.state for frame in frames)
    words = {
        State.SENT: _("%(count)d generating"),
        State.SAVING: _("%(count)d saving"),
        State.QUEUED: _("%(count)d in line"),
    }
    return ", ".join(
        text % {"count": counts[state]} for state, text in words.items() if counts[state]
    )


def _try_again(run: Run, viewer: User) -> str:
    """The address that asks for the missing images once more, where that makes sense."""
    at_rest = not run.open and not run.unknown
    possible = run.user_id == viewer.pk and at_rest and run.missing
    if not possible or run.engine not in registry.engines():
        return ""
    return reverse("run-try-again", args=[run.uuid])


def _with_try_again(frames: list[Frame], path: str) -> list[Frame]:
    """One button asks for all that is missing: it stands in the first frame without a picture."""
    for index, frame in enumerate(frames):
        if path and frame.state in (State.FAILED, State.CANCELLED):
            return [*frames[:index], replace(frame, try_again=path), *frames[index + 1 :]]
    return frames


def _summary(run: Run) -> str:
    words = {"ready": run.delivered, "wanted": run.wanted}
    if run.is_pending:
        return _("%(ready)d of %(wanted)d images ready") % words
    return ngettext("%(ready)d image ready", "%(ready)d images ready", run.delivered) % words
