"""What a person's credits went into: one line for each run, and what changed their allowance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import access, keyset
from accounts.models import Allowance, Entry, User
from generations.label_chips import WORDS, chip
from generations.labelling import PREVIEW
from generations.models import Generation, Rendition, Run
from generations.paths import image_path, rendition_path
from generations.providers.advice import explain
from generations.reading.frames import shortened
from generations.states import ENDED, Status

RUNS_A_PAGE = 25
LONGEST_PROMPT = 200
MONTHS_OF_CHANGES = 12
MOST_CHANGES = 50
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


def page(user: User, *, before: str = "") -> CreditsPage:
    """The runs of `user` from the cursor `before` on, in a constant number of queries."""
    mine = Run.objects.filter(user=user)
    found = keyset.page(mine, cursor=before, anchors=mine, size=RUNS_A_PAGE)
    return CreditsPage(_lines(found.rows, user), found.next_cursor)


def changes(user: User) -> list[Entry]:
    """What changed the limit of `user` in the last twelve months with entries, newest first."""
    months = Allowance.objects.filter(user=user).order_by("-month")[:MONTHS_OF_CHANGES]
    keys = list(months.values_list("pk", flat=True))
    rows = Entry.objects.filter(allowance__in=keys, generation__isnull=True)
    return list(keyset.newest_first(rows.select_related("actor", "allowance"))[:MOST_CHANGES])


def _lines(runs: Sequence[Run], user: User) -> list[RunLine]:
    generations = list(
        Generation.objects.filter(run__in=runs)
        .order_by("position", "id")
        .only("uuid", "run_id", "status", "error_code", "error_raw_code", "provider")
    )
    amounts = _amounts(generations, user)
    of_run: dict[int, list[Generation]] = defaultdict(list)
    for generation in generations:
        of_run[generation.run_id].append(generation)
    pictures = _pictures(runs) if user.has_perm(access.SEE_IMAGES) else {}
    return [_line(run, user, of_run[run.pk], amounts, pictures.get(run.pk)) for run in runs]


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
