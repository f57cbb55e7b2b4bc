"""The images before and after one, in the list from which it was opened.

Addresses of images say which list that is: `?in=gallery&q=fox`, `?in=feed&scope=mine`,
`?in=compare&image=…&image=…`; without `in`, or with an unknown one, it is the image's run. Each
step costs a few reads by index, however long the list is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.urls import Resolver404, resolve, reverse

from accounts import keyset
from accounts.identifiers import uuid_of
from accounts.keyset import Place
from accounts.models import User
from generations.gallery_filters import Filter, period_of
from generations.models import Image, Run
from generations.paths import MOST_COMPARED, image_path
from generations.reading import picked, search
from generations.reading.feed import Scope, scope_of
from generations.reading.gallery import EVERYTHING

RUN, GALLERY, FEED, COMPARE = "run", "gallery", "feed", "compare"
LONGEST_ADDRESS = 8000  # characters of the address of the page that somebody came from
# Runs without an image that are passed over on the way through the feed.
RUNS_PASSED = 50


@dataclass(frozen=True)
class Listing:
    """A list of images: its name, what was chosen in it, and its address."""

    name: str = RUN
    chosen: Filter = EVERYTHING
    scope: Scope = Scope.TEAM
    images: tuple[str, ...] = ()

    @property
    def as_query(self) -> str:
        """What addresses of its images say of it, without the question mark; empty for a run."""
        if self.name == RUN:
            return ""
        return "&".join(filter(None, [urlencode({"in": self.name}), self._choice]))

    @property
    def address(self) -> str:
        """The page that shows the list; empty for a run."""
        if self.name == RUN:
            return ""
        page = reverse({GALLERY: "gallery", FEED: "studio", COMPARE: "compare"}[self.name])
        return f"{page}?{self._choice}" if self._choice else page

    def path(self, image: object) -> str:
        """The address of an image of the list, by its identifier."""
        query = self.as_query
        return image_path(image) + (f"?{query}" if query else "")  # type: ignore[arg-type]

    @property
    def _choice(self) -> str:
        if self.name == GALLERY:
            return self.chosen.as_query
        if self.name == COMPARE:
            return urlencode([("image", each) for each in self.images])
        return urlencode({"scope": self.scope}) if self.scope != Scope.TEAM else ""


OF_RUN = Listing()


def listing_of(asked: QueryDict) -> Listing:
    """The list that the query of an address names. Nothing in it is believed without bounds."""
    make = _LISTINGS.get(asked.get("in", ""))
    return make(asked) if make else OF_RUN


def listing_behind(address: str) -> Listing:
    """The list that the page at `address` shows, an address of the studio; else that of a run."""
    if len(address) > LONGEST_ADDRESS:
        return OF_RUN
    try:
        parts = urlsplit(address)
        page = resolve(parts.path).url_name
    except (Resolver404, ValueError):
        return OF_RUN
    name = {"gallery": GALLERY, "studio": FEED, "feed-older": FEED, "compare": COMPARE}.get(
        page or ""
    )
    return _LISTINGS[name](QueryDict(parts.query)) if name else OF_RUN


def chosen_images(asked: QueryDict) -> tuple[str, ...]:
    """The identifiers of images to compare, each once; at most one more than may be compared."""
    named = [str(uuid) for text in asked.getlist("image")[:50] if (uuid := uuid_of(text[:50]))]
    return tuple(dict.fromkeys(named))[: MOST_COMPARED + 1]


def _gallery(asked: QueryDict) -> Listing:
    return Listing(GALLERY, chosen=Filter.of(asked))


def _feed(asked: QueryDict) -> Listing:
    return Listing(FEED, scope=scope_of(asked.get("scope", "")))


def _compare(asked: QueryDict) -> Listing:
    images = chosen_images(asked)
    return Listing(COMPARE, images=images) if images else OF_RUN


_LISTINGS: Mapping[str, Callable[[QueryDict], Listing]] = {
    GALLERY: _gallery,
    FEED: _feed,
    COMPARE: _compare,
}


def around(
    image: Image, listing: Listing, *, siblings: Sequence[object], viewer: User
) -> tuple[str, str]:
    """The addresses of the images before and after `image`; empty at an end of the list.

    `siblings` are the identifiers of the visible images of its run, in their order.
    """
    previous, following = _NEIGHBOURS[listing.name](image, listing, siblings, viewer)
    return (
        listing.path(previous) if previous else "",
        listing.path(following) if following else "",
    )


_Pair = tuple[object | None, object | None]


def _in_order(ordered: Sequence[object], here: object) -> _Pair:
    if here not in ordered:
        return None, None
    at = ordered.index(here)
    return ordered[at - 1] if at else None, ordered[at + 1] if at + 1 < len(ordered) else None


def _of_run(image: Image, listing: Listing, siblings: Sequence[object], viewer: User) -> _Pair:
    return _in_order(siblings, image.uuid)


def _of_compare(image: Image, listing: Listing, siblings: Sequence[object], viewer: User) -> _Pair:
    visible = Image.objects.visible_to(viewer).filter(uuid__in=listing.images)
    found = set(map(str, visible.values_list("uuid", flat=True)))
    ordered = [each for each in listing.images if each in found]
    return _in_order(ordered, str(image.uuid))


def _of_gallery(image: Image, listing: Listing, siblings: Sequence[object], viewer: User) -> _Pair:
    chosen = listing.chosen
    if chosen.is_picked:
        return picked.around(viewer, chosen, image)
    if chosen.is_indexed:
        return search.around(viewer, chosen, image)
    images = Image.objects.visible_to(viewer).filter(**period_of(viewer, chosen).conditions)
    rows = images.values_list("uuid", flat=True)
    place = Place(image.created_at, image.pk)
    return (
        _newer(rows, place).order_by("created_at", "id").first(),
        keyset.newest_first(keyset.older(rows, place)).first(),
    )


def _of_feed(image: Image, listing: Listing, siblings: Sequence[object], viewer: User) -> _Pair:
    previous, following = _in_order(siblings, image.uuid)
    runs = Run.objects.visible_to(viewer)
    if listing.scope == Scope.MINE:
        runs = runs.filter(user=viewer)
    place = Place(image.run.created_at, image.run_id)
    if previous is None:
        newer = _newer(runs, place).order_by("created_at", "id")
        previous = _image_of_next(newer, viewer, is_last=True)
    if following is None:
        older = keyset.newest_first(keyset.older(runs, place))
        following = _image_of_next(older, viewer, is_last=False)
    return previous, following


def _image_of_next(runs: QuerySet[Run], viewer: User, *, is_last: bool) -> object | None:
    """The first or last image of the next of `runs` that has one."""
    near = list(runs.values_list("pk", flat=True)[:RUNS_PASSED])
    shown = Image.objects.filter(run=OuterRef("pk"), hidden_at__isnull=True)
    having = set(Run.objects.filter(Exists(shown), pk__in=near).values_list("pk", flat=True))
    run = next((pk for pk in near if pk in having), None)
    order = ("-position", "-id") if is_last else ("position", "id")
    images = Image.objects.of_runs([run], viewer) if run else Image.objects.none()
    return images.order_by(*order).values_list("uuid", flat=True).first()


def _newer(rows: QuerySet, place: Place) -> QuerySet:
    """The rows that come before `place`, which the caller orders."""
    return rows.filter(Q(created_at__gt=place.at) | Q(pk__gt=place.pk), created_at__gte=place.at)


_NEIGHBOURS = {RUN: _of_run, COMPARE: _of_compare, GALLERY: _of_gallery, FEED: _of_feed}
