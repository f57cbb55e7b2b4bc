"""Who has read whose prompts: on the record, and in a list that authors see.

`recording` records each time that somebody opens a story or an original. The prompts of others that
a page of the studio shows are recorded once for each reader, author and day, so such a page costs
nothing after the first time, and one query while the cache is away. Polls record nothing.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts.audit import tallies
from accounts.audit.recording import record
from accounts.events import Event
from accounts.http import printable
from accounts.models import Reading, User

DAY_SECONDS = 24 * 60 * 60


def note_prompts_seen(
    reader: User, authors: Iterable[int], *, where: str, page: Reading.Page = Reading.Page.TEAM
) -> None:
    """Record that `reader` sees prompts of the people with the keys `authors`.

    `where` names the page on the record. Opens its own transaction, if anything is new.
    """
    if not (others := set(authors) - {reader.pk}):
        return
    today = timezone.now().date()
    key = f"seen:{reader.pk}:{page}:{today}"
    known: frozenset[int] = cache.get(key) or frozenset()
    if others <= known:
        return
    if fresh := _fresh(reader, others - known, today, page):
        _record(reader, fresh, today, where, page)
    cache.set(key, known | others, DAY_SECONDS)


def note_gallery_searched(reader: User, filters: Mapping[str, str]) -> None:
    """Record that `reader` searches the gallery; what for is personal.

    The same filters again within ten minutes are counted, and so are further pages of the list.
    """
    given = {name: printable(value) for name, value in filters.items() if value}
    tallies.note(
        Event.GALLERY_SEARCHED,
        address=f"{reader.uuid}\n{json.dumps(given, sort_keys=True)}",
        actor=reader,
        subject=reader.team,
        personal={"filters": given},
    )


def _fresh(reader: User, authors: Collection[int], day: date, page: Reading.Page) -> set[int]:
    """Those of `authors` of whom nothing is noted yet."""
    noted = Reading.objects.filter(reader=reader, day=day, page=page, author__in=authors)
    return set(authors) - set(noted.values_list("author", flat=True))


@transaction.atomic
def _record(
    reader: User, authors: Collection[int], day: date, where: str, page: Reading.Page
) -> None:
    # Two pages at once take turns. Rows that refer to the person may be written meanwhile.
    User.objects.select_for_update(no_key=True).get(pk=reader.pk)
    people = User.objects.filter(pk__in=_fresh(reader, authors, day, page)).order_by("pk")
    found = dict(people.values_list("pk", "uuid"))
    if not found:
        return
    written = record(
        Event.PROMPTS_SEEN,
        actor=reader,
        subject=reader.team,
        facts={"where": where, "authors": [str(uuid) for uuid in found.values()]},
    )
    Reading.objects.bulk_create(
        Reading(
            record=written,
            author_id=author,
            reader=reader,
            page=page,
            day=day,
            created_at=written.at,
        )
        for author in found
    )
