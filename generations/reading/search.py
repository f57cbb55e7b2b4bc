"""Images found by words of their prompt, by campaign and by person, the newest run first.

The index finds runs, newest first; their images follow. So a page costs the same at any depth,
however many images the team has and however frequent a word is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import keyset
from accounts.identifiers import uuid_of
from accounts.models import User
from accounts.search import Query, read_query
from generations.models import Campaign, Image
from generations.models.prompt_index import PROMPTS, of_campaign, of_person

LONGEST_QUERY = 1000  # characters


@dataclass(frozen=True)
class Filter:
    """What to show: words of the prompt, and the identifiers of a campaign and of a person."""

    query: str = ""
    campaign: str = ""
    person: str = ""

    @property
    def as_query(self) -> str:
        """The filter as a query string, without the question mark."""
        named = {"q": self.query, "campaign": self.campaign, "person": self.person}
        return urlencode({name: value for name, value in named.items() if value})


def search(user: User, chosen: Filter, *, cursor: str, size: int) -> keyset.Page[Image]:
    """The newest `size` images that `user` may see and `chosen` matches, with their `run`.

    `cursor` names the last image of the page before. If it names none, the first page is shown.
    """
    query, labels = read_query(chosen.query), _labels(user, chosen)
    if labels is None or (chosen.query and not query.words):
        return keyset.Page([], "")
    found = _images(user, query, labels, after=_image(user, cursor), size=size + 1)
    return keyset.cut(list(islice(found, size + 1)), size=size)


def what_was_searched(text: str) -> str:
    """Say which words a search for `text` looked for; empty if `text` is empty."""
    if not text:
        return ""
    query = read_query(text)
    if not query.words:
        return _("A search needs at least one letter or digit.")
    words = ", ".join(f"“{word}”" for word in query.words)
    if query.is_cut:
        return _("Only the first words were searched: %(words)s.") % {"words": words}
    if query.beginning and len(query.words) == 1:
        return _("Searched for words that begin with %(word)s.") % {"word": words}
    if query.beginning:
        sentence = _("Searched for all of: %(words)s. The last may be the beginning of a word.")
        return sentence % {"words": words}
    return _("Searched for all of: %(words)s.") % {"words": words}


def _labels(user: User, chosen: Filter) -> Sequence[str] | None:
    """The index labels of the chosen campaign and person; None if one of them does not exist."""
    labels = []
    for identifier, rows, label_of in (
        (chosen.campaign, Campaign.objects.visible_to(user), of_campaign),
        (chosen.person, User.objects.all(), of_person),
    ):
        if identifier:
            pk = _pk(rows, identifier)
            if pk is None:
                return None
            labels.append(label_of(pk))
    return labels


def _pk(rows: QuerySet, identifier: str) -> int | None:
    uuid = uuid_of(identifier)
    return rows.filter(uuid=uuid).values_list("pk", flat=True).first() if uuid else None


def _image(user: User, cursor: str) -> Image | None:
    uuid = uuid_of(cursor)
    return Image.objects.filter(team_id=user.team_id, uuid=uuid).first() if uuid else None


def _images(
    user: User, query: Query, labels: Sequence[str], *, after: Image | None, size: int
) -> Iterator[Image]:
    """Yield images of the runs that match, at most `size` from each batch of runs."""
    images = Image.objects.visible_to(user).select_related("run").order_by("-run_id", "-id")
    before = after.run_id + 1 if after else None
    for runs in PROMPTS.batches(query, team=user.team_id, labels=labels, before=before):
        rows = images.filter(run_id__in=runs)
        if after:
            rows = rows.exclude(run_id=after.run_id, pk__gte=after.pk)
        yield from rows[:size]
