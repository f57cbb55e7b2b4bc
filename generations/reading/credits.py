"""What a person's credits went into: one line for each run, and what changed their allowance."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import access, keyset
from accounts.ledger import Balance
from accounts.models import Allowance, Entry, User
from generations.label_chips import WORDS, chip
from generations.labelling import PREVIEW
from generations.models import Generation, Rendition, Run
from generations.paths import image_path, rendition_path
from generations.providers.advice import explain
from generations.reading.frames import shortened
from generations.reading.usage import Period
from generations.states import ENDED, Status

RUNS_A_PAGE = 25
LONGEST_PROMPT = 200
MONTHS_OF_CHANGES = 12
MOST_CHANGES = 50
# The table for spreadsheets.
MOST_ROWS = 20_000
ROWS_AT_A_TIME = 500
# Machines read them, so they are not translated.
HEADINGS = (
    "time",
    "prompt",
    "engine",
    "images wanted",
    "images delivered",
    "credits reserved",
    "credits spent",
    "credits given back",
    "why",
)
# A pace says something only after so many days.
DAYS_KNOWN = 3
Kind = Entry.Kind


@dataclass(frozen=True)
class Picture:
    """An image, the address of its preview, and what repeats its badge."""

    image: UUID
    src: str
    chip: str


@dataclass(frozen=True)
class RunLine:
    """A run with its credits. `why` says why some were released, or why they are still reserved.

    `reserved` is what the run has set aside in all. `link` is an address, or empty.
    """

    at: datetime
    title: str
    link: str
    picture: Picture | None
    wanted: int
    delivered: int
    reserved: int
    spent: int
    released: int
    why: str


@dataclass(frozen=True)
class CreditsPage:
    """Lines of runs, newest first; `next_cursor` leads to older ones, and is empty at the end."""

    lines: list[RunLine]
    next_cursor: str


def page(user: User, *, period: Period | None = None, before: str = "") -> CreditsPage:
    """The runs of `user` in `period`, or of all times, from the cursor `before` on.

    The number of queries is constant.
    """
    mine = Run.objects.filter(user=user)
    shown = _of_period(user, period) if period else mine
    found = keyset.page(shown, cursor=before, anchors=mine, size=RUNS_A_PAGE)
    return CreditsPage(_lines(found.rows, user), found.next_cursor)


def changes(user: User) -> list[Entry]:
    """What changed the limit of `user` in the last twelve months with entries, newest first."""
    months = Allowance.objects.filter(user=user).order_by("-month")[:MONTHS_OF_CHANGES]
    keys = list(months.values_list("pk", flat=True))
    rows = Entry.objects.filter(allowance__in=keys, generation__isnull=True)
    return list(keyset.newest_first(rows.select_related("actor", "allowance"))[:MOST_CHANGES])


def is_too_long(user: User, period: Period) -> bool:
    """Whether the table of `period` has more than MOST_ROWS rows."""
    return _of_period(user, period).order_by()[: MOST_ROWS + 1].count() > MOST_ROWS


def rows(user: User, period: Period) -> Iterator[tuple[Any, ...]]:
    """The runs of `user` in `period` as rows of a table, newest first, in constant memory."""
    cursor, mine = "", Run.objects.filter(user=user)
    while True:
        found = keyset.page(
            _of_period(user, period), cursor=cursor, anchors=mine, size=ROWS_AT_A_TIME
        )
        for run, line in zip(found.rows, _lines(found.rows, user, pictures=False), strict=True):
            yield _row(run, line, user)
        cursor = found.next_cursor
        if not cursor:
            return


def _row(run: Run, line: RunLine, user: User) -> tuple[Any, ...]:
    at = run.created_at.astimezone(user.team.tzinfo)
    figures = (line.reserved, line.spent, line.released)
    text = f"{at:%Y-%m-%d %H:%M}"
    return (text, line.title, run.engine, line.wanted, line.delivered, *figures, line.why)


def _of_period(user: User, period: Period) -> Any:
    zone = user.team.tzinfo
    start = datetime.combine(period.first, time(), zone)
    end = datetime.combine(period.last + timedelta(days=1), time(), zone)
    return Run.objects.filter(user=user, created_at__gte=start, created_at__lt=end)


def forecast(user: User, balance: Balance, today: date) -> str:
    """How long the credits of `user` last at this month's pace; empty if too little is known.

    The pace is what was used (spent or reserved) on each day since the first use of this month.
    """
    used, month_end = balance.spent + balance.reserved, balance.renews_on - timedelta(days=1)
    first = None if not used or balance.team_is_short else _first_use(user, month_end)
    days = (today - first).days + 1 if first else 0
    if days < DAYS_KNOWN or not balance.left:
        return ""
    last = today + timedelta(days=min(balance.left * days // used, 31))
    if last >= month_end:
        return _("At this pace your credits last to the end of the month.")
    day = date_format(last, "MONTH_DAY_FORMAT")
    return _("At this pace your credits last until %(day)s.") % {"day": day}


def _first_use(user: User, month_end: date) -> date | None:
    """The day of the first reservation of the month, in the time zone of the team."""
    months = Allowance.objects.filter(user=user, month=month_end.replace(day=1)).order_by()
    # By key, so that the index of an allowance's entries gives the first.
    entries = Entry.objects.filter(allowance=months.values("pk")[:1], kind=Kind.RESERVE)
    at = entries.order_by("created_at", "id").values_list("created_at", flat=True).first()
    return at.astimezone(user.team.tzinfo).date() if at else None


def _lines(runs: Sequence[Run], user: User, *, pictures: bool = True) -> list[RunLine]:
    generations = list(
        Generation.objects.filter(run__in=runs)
        .order_by("position", "id")
        .only("uuid", "run_id", "status", "error_code", "error_raw_code", "provider")
    )
    amounts = _amounts(generations, user)
    of_run: dict[int, list[Generation]] = defaultdict(list)
    for generation in generations:
        of_run[generation.run_id].append(generation)
    shown = _pictures(runs) if pictures and user.has_perm(access.SEE_IMAGES) else {}
    return [_line(run, user, of_run[run.pk], amounts, shown.get(run.pk)) for run in runs]


def _line(
    run: Run,
    user: User,
    generations: Sequence[Generation],
    amounts: Mapping[UUID, Mapping[str, Any]],
    picture: Picture | None,
) -> RunLine:
    credits: dict[str, int] = defaultdict(int)
    for generation in generations:
        for kind, amount in amounts[generation.uuid].items():
            credits[kind] += amount
    return RunLine(
        at=run.created_at,
        title=_title(run, user),
        link=_link(run, user, picture.image if picture else None),
        picture=picture,
        wanted=run.wanted,
        delivered=run.delivered,
        reserved=credits[Kind.RESERVE],
        spent=credits[Kind.SETTLE],
        released=credits[Kind.RELEASE],
        why=_why(generations, amounts),
    )


def _title(run: Run, user: User) -> str:
    if run.erased_at:
        return _("The prompt has been erased.")
    if not user.has_perm(access.SEE_IMAGES):
        return _("Images that you asked for")
    return shortened(run.prompt, LONGEST_PROMPT)


def _link(run: Run, user: User, image: UUID | None) -> str:
    """Where the run can be seen: its first image, else its story for readers of the log."""
    if run.team_id != user.team_id:
        return ""
    if image:
        return image_path(image)
    return reverse("story", args=[run.uuid]) if user.has_perm(access.READ_LOG) else ""


def _why(generations: Iterable[Generation], amounts: Mapping[UUID, Mapping[str, Any]]) -> str:
    """Why credits came back or are still set aside: the reason of the first such generation."""
    for generation in generations:
        found = amounts[generation.uuid]
        if generation.status == Status.UNKNOWN:
            return _("The provider has not said what became of it.")
        if generation.status not in ENDED:
            return _("Being made: spent for what arrives, given back for the rest.")
        if generation.status == Status.CANCELLED:
            return _("It was cancelled.")
        if found.get(Kind.RELEASE):
            code, raw_code = generation.error_code, generation.error_raw_code
            return str(explain(code, raw_code, generation.provider).title)
    return ""


def _amounts(generations: Iterable[Generation], user: User) -> Mapping[UUID, dict[str, int]]:
    """Credits by generation and kind, in the person's own allowance."""
    found: dict[UUID, dict[str, int]] = defaultdict(dict)
    rows = Entry.objects.filter(
        generation__in=[each.uuid for each in generations], allowance__user=user
    )
    for generation, kind, amount in rows.values_list("generation", "kind", "amount"):
        if generation is not None:
            found[generation][kind] = amount
    return found


def _pictures(runs: Iterable[Run]) -> dict[int, Picture]:
    """The first image of each run that is shown."""
    rows = Rendition.objects.filter(
        image__run__in=list(runs), image__hidden_at__isnull=True, recipe=PREVIEW.name
    ).order_by("-image__position", "-image_id")
    values = rows.values_list("image__run", "image__uuid", "uuid", "format", WORDS)
    return {
        run: Picture(image, rendition_path(uuid, kind), chip(words))
        for run, image, uuid, kind, words in values
    }
