"""Images found by what the index of runs knows, the newest run first.

That is: words of the prompt, campaign, person, engine and format.

The index finds runs, newest first; their images follow. So a page costs the same at any depth,
however many images the team has and however frequent a word is. A search that would take long stops
early: its page says how far it got, and its cursor leads on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.identifiers import uuid_of
from accounts.models import User
from accounts.phrases import listed
from accounts.search import first_of, read_query, stretch_of
from generations.gallery_filters import Filter, Period, period_of
from generations.models import Campaign, Image, Run
from generations.models.prompt_index import (
    PROMPTS,
    of_campaign,
    of_person,
    with_engine,
    with_shape,
)

# Runs that are looked up for one page. The second step is for runs without a visible image.
BATCHES = (64, 1024)
# How many newer runs are looked through for the image before one, in steps.
NEWER = (64, 1024, 8192, 65_536)
LONGEST_NUMBER = 15  # digits of a stretch in a cursor
# The columns of an image and its run by which pages sort, or which they show.
COLUMNS = (
    *("id", "uuid", "width", "height", "created_at"),
    *("run_id", "run__uuid", "run__prompt", "run__user", "run__campaign", "run__engine"),
)
# An image may arrive so long after its run was asked for.
LATEST = timedelta(days=2)


@dataclass(frozen=True)
class Searched:
    """What was asked for of images, newest first.

    `next_cursor` is empty if there are no older ones.

    If the search stopped before it had found a page of images, `stopped` says how far it got.
    """

    images: list[Any]
    next_cursor: str = ""
    stopped: str = ""


def search(
    user: User, chosen: Filter, *, cursor: str, size: int, columns: Sequence[str] = COLUMNS
) -> Searched:
    """The newest `size` images that `user` may see and `chosen` matches, or fewer if it stopped.

    `cursor` is that of the page before. If it names nothing, the first page is shown. `columns`
    are what is read of each image, `id` and `uuid` among them.
    """
    query, labels = read_query(chosen.query), labels_of(user, chosen)
    if labels is None or (chosen.query and not query.words):
        return Searched([])
    images: list[Any] = []
    before, after = _start(user, cursor)
    period = period_of(user, chosen)
    since, end = _runs_of(user, period)
    before = PROMPTS.end(min((key for key in (before, end) if key is not None), default=None))
    for limit in BATCHES:
        found = PROMPTS.newest(
            query, team=user.team_id, labels=labels, before=before, since=since, limit=limit
        )
        rows = _images(user, found.rows, after=after).filter(**period.conditions)
        images += rows.values_list(*columns, named=True)[: size + 1 - len(images)]
        if len(images) > size:
            return Searched(images[:size], str(images[size - 1].uuid))
        before = found.rest
        if len(found.rows) < limit:
            break
    if before is None:
        return Searched(images)
    is_run = len(found.rows) == limit
    return Searched(images, _cursor(before, is_run=is_run), _how_far(before))


def around(user: User, chosen: Filter, image: Image) -> tuple[UUID | None, UUID | None]:
    """The identifiers of the images before and after `image` in the search for `chosen`.

    The first is None too if the next match is more than `NEWER` runs away, the second if the search
    stopped before it had found one.
    """
    following = search(user, chosen, cursor=str(image.uuid), size=1).images
    return _before(user, chosen, image), following[0].uuid if following else None


def _before(user: User, chosen: Filter, image: Image) -> UUID | None:
    query, labels = read_query(chosen.query), labels_of(user, chosen)
    if labels is None or (chosen.query and not query.words):
        return None
    time = period_of(user, chosen).conditions
    siblings = Image.objects.of_runs([image.run_id], user).filter(pk__gt=image.pk, **time)
    if sibling := siblings.order_by("pk").values_list("uuid", flat=True).first():
        return sibling
    since = image.run_id + 1
    for width in NEWER:
        before = PROMPTS.end(image.run_id + 1 + width)
        found = PROMPTS.newest(
            query, team=user.team_id, labels=labels, before=before, since=since, limit=width
        )
        if found.rest and found.rest > since:
            return None  # it stopped before it had seen the nearest
        nearest = sorted(found.rows)[: BATCHES[0]]
        rows = Image.objects.of_runs(nearest, user).filter(**time).order_by("run_id", "pk")
        if nearer := rows.values_list("uuid", flat=True).first():
            return nearer
        since = before
    return None


def what_was_searched(text: str) -> str:
    """Say which words a search for `text` looked for; empty if `text` is empty."""
    if not text:
        return ""
    query = read_query(text)
    if not query.words:
        return _("A search needs at least one letter or digit.")
    words = listed(*(f"“{word}”" for word in query.words))
    if query.is_cut:
        return _("Only the first words were searched: %(words)s.") % {"words": words}
    if query.beginning and len(query.words) == 1:
        return _("Searched for words that begin with %(word)s.") % {"word": words}
    if query.beginning:
        sentence = _("Searched for all of: %(words)s. The last may be the beginning of a word.")
        return sentence % {"words": words}
    return _("Searched for all of: %(words)s.") % {"words": words}


def labels_of(user: User, chosen: Filter) -> Sequence[str] | None:
    """The index labels of what is chosen; None if the campaign or person does not exist."""
    labels = [with_engine(chosen.engine)] if chosen.engine else []
    labels += [with_shape(chosen.shape)] if chosen.shape else []
    for identifier, rows, label_of in (
        (chosen.campaign, Campaign.objects.visible_to(user), of_campaign),
        (chosen.person, User.objects.all(), of_person),
    ):
        if identifier:
            pk = pk_of(rows, identifier)
            if pk is None:
                return None
            labels.append(label_of(pk))
    return labels


def pk_of(rows: QuerySet, identifier: str) -> int | None:
    uuid = uuid_of(identifier)
    return rows.filter(uuid=uuid).values_list("pk", flat=True).first() if uuid else None


def _start(user: User, cursor: str) -> tuple[int | None, Image | None]:
    """The key before which the page begins, and the image after which, if the cursor names one."""
    if cursor.isascii() and cursor.isdecimal() and len(cursor) <= LONGEST_NUMBER:
        return first_of(int(cursor)), None
    uuid = uuid_of(cursor)
    if uuid is None:
        return None, None
    image = Image.objects.filter(team_id=user.team_id, uuid=uuid).first()
    if image:
        return image.run_id + 1, image
    return pk_of(Run.objects.visible_to(user), cursor), None


def _runs_of(user: User, period: Period) -> tuple[int, int | None]:
    """The keys between which the runs are that may have made images in `period`."""
    since, end = 0, None
    runs = Run.objects.visible_to(user).order_by("created_at", "id").values_list("pk", flat=True)
    if period.start:
        first = runs.filter(created_at__gte=period.start - LATEST).first()
        since = first if first is not None else _NEVER
    if period.end:
        end = runs.filter(created_at__gte=period.end).first()
    return since, end


# Above all keys.
_NEVER = 2**62


def _cursor(rest: int, *, is_run: bool) -> str:
    """Where to go on: a run of the team, or else a stretch, which may have no run of the team."""
    if is_run:
        return str(Run.objects.values_list("uuid", flat=True).get(pk=rest))
    return str(stretch_of(rest))


def _how_far(rest: int) -> str:
    times = Run.objects.filter(pk__gte=rest).order_by("pk").values_list("created_at", flat=True)
    reached = times.first()
    if reached is None:
        return _("Older images have not been searched yet.")
    day = date_format(timezone.localtime(reached))
    return _("Searched back to %(day)s. Older images have not been searched yet.") % {"day": day}


def _images(user: User, runs: Sequence[int], *, after: Image | None) -> QuerySet[Image]:
    rows = Image.objects.of_runs(runs, user).order_by("-run_id", "-id")
    if after:
        rows = rows.exclude(run_id=after.run_id, pk__gte=after.pk)
    return rows
