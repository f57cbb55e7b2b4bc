"""What the gallery can be filtered by, with how many images each choice has.

Counting all images would cost more the more there are. So the newest `MOST_COUNTED` that fit the
present filter are counted, as far as one step of a search finds them; if there are more, each count
is the least that there are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import SavedSearch, User
from generations.gallery_filters import ON, TIMES, Filter
from generations.imaging.shapes import shape_of
from generations.models import Campaign, Mark, TagOfImage
from generations.models.mark import MOST_STARS
from generations.providers import registry
from generations.reading import gallery
from generations.reading.feed import engine_label

MOST_COUNTED = 1000
# Beside each facet that is chosen.
MOST_BESIDE = 250
MOST_CHOICES = 200
# What is read of each image to count it.
COUNTED = (*gallery.KEYS, "width", "height", "run__user", "run__campaign", "run__engine")
RATIOS = {
    "r11": "1:1",
    "r43": "4:3",
    "r32": "3:2",
    "r169": "16:9",
    "r219": "21:9",
    "r34": "3:4",
    "r23": "2:3",
    "r916": "9:16",
}


@dataclass(frozen=True)
class Choice:
    """One value of a facet. `count` is empty before it is counted."""

    value: str
    label: str
    is_chosen: bool
    count: str = ""

    @property
    def in_words(self) -> str:
        if not self.count:
            return self.label
        return _("%(label)s (%(count)s)") % {"label": self.label, "count": self.count}


@dataclass(frozen=True)
class Facet:
    """What can be chosen of one kind; `name` is that in the address."""

    name: str
    label: str
    choices: list[Choice]


@dataclass(frozen=True)
class Counted:
    """How many images fit: at least `number`, and exactly so many if `is_exact`.

    `by_value` counts the values of each facet, and `exact` says of which facets exactly.
    """

    number: int
    is_exact: bool
    by_value: dict[str, Counter[str]]
    exact: dict[str, bool]

    @property
    def in_words(self) -> str:
        if self.is_exact:
            return ngettext("%(count)s image", "%(count)s images", self.number) % {
                "count": f"{self.number:,}"
            }
        if not self.number:
            return _("none among the newest images")
        return _("%(count)s+ images") % {"count": f"{self.number:,}"}


def facets(user: User, chosen: Filter, counted: Counted | None = None) -> list[Facet]:
    """All facets of the panel; with `counted`, each choice with its count."""
    people = [(str(each.uuid), str(each)) for each in gallery.people_of(user)[:MOST_CHOICES]]
    campaigns = [(str(each.uuid), each.name) for each in gallery.campaigns_of(user)[:MOST_CHOICES]]
    tags = [(str(each.uuid), each.name) for each in gallery.tags_of(user)[:MOST_CHOICES]]
    engines = [(name, engine_label(name)) for name in registry.known_engines()]
    ratings = [(str(number), _least(number)) for number in range(MOST_STARS, 0, -1)]
    kinds: list[tuple[str, Any, Iterable[tuple[str, str]], str]] = [
        ("person", _("Person"), people, chosen.person),
        ("campaign", _("Campaign"), campaigns, chosen.campaign),
        ("tag", _("Tag"), tags, chosen.tag),
        ("format", _("Format"), RATIOS.items(), chosen.shape),
        ("when", _("Made"), ((name, str(label)) for name, label in TIMES.items()), chosen.when),
        ("rating", _("Your rating"), ratings, chosen.rating),
        ("engine", _("Engine"), sorted(engines, key=lambda each: each[1]), chosen.engine),
    ]
    return [
        Facet(name, label, _choices(name, values, value, counted))
        for name, label, values, value in kinds
    ]


def count(user: User, chosen: Filter) -> Counted:
    """Count the newest images that fit, in as many queries whatever is stored.

    The other values of a facet that is chosen are counted among the newest `MOST_BESIDE` images
    that fit all else.
    """
    found = gallery.find(user, chosen, cursor="", size=MOST_COUNTED, columns=COUNTED)
    by_value = {name: tally(user, found.images) for name, tally in _TALLIES.items()}
    is_exact = not found.next_cursor
    exact = dict.fromkeys(by_value, is_exact)
    for name, field in _FIELDS.items():
        if value := getattr(chosen, field):
            wider = replace(chosen, **{field: ""})
            beside = gallery.find(user, wider, cursor="", size=MOST_BESIDE, columns=COUNTED)
            by_value[name] = _TALLIES[name](user, beside.images)
            by_value[name][value] = max(by_value[name][value], len(found.images))
            exact[name] = not beside.next_cursor
    return Counted(len(found.images), is_exact, by_value, exact)


_Tally = Callable[[User, Sequence[Any]], Counter[str]]


def _tally_people(user: User, images: Sequence[Any]) -> Counter[str]:
    people = _uuids(User, (image.run__user for image in images))
    return Counter(people[image.run__user] for image in images)


def _tally_campaigns(user: User, images: Sequence[Any]) -> Counter[str]:
    campaigns = _uuids(Campaign, (image.run__campaign for image in images))
    return Counter(campaigns[image.run__campaign] for image in images if image.run__campaign)


def _tally_engines(user: User, images: Sequence[Any]) -> Counter[str]:
    return Counter(image.run__engine for image in images)


def _tally_formats(user: User, images: Sequence[Any]) -> Counter[str]:
    return Counter(shape_of(image.width, image.height) for image in images)


def _tally_tags(user: User, images: Sequence[Any]) -> Counter[str]:
    tagged = TagOfImage.objects.filter(image__in=[image.id for image in images])
    return Counter(map(str, tagged.values_list("tag__uuid", flat=True)))


def _tally_ratings(user: User, images: Sequence[Any]) -> Counter[str]:
    marks = Mark.objects.filter(user=user, image__in=[image.id for image in images])
    given = list(marks.filter(rating__gt=0).values_list("rating", flat=True))
    least = range(1, MOST_STARS + 1)
    return Counter({str(stars): sum(rating >= stars for rating in given) for stars in least})


# By the names of facets: how their values are counted, and the fields of a filter.
_TALLIES: dict[str, _Tally] = {
    "person": _tally_people,
    "campaign": _tally_campaigns,
    "engine": _tally_engines,
    "format": _tally_formats,
    "tag": _tally_tags,
    "rating": _tally_ratings,
}
_FIELDS = {name: {"format": "shape"}.get(name, name) for name in _TALLIES}


@dataclass(frozen=True)
class Segment:
    """A link above the images; `query` is its query string."""

    label: str
    query: str
    is_current: bool


def segments(user: User, chosen: Filter) -> list[Segment]:
    """The links for what is looked for most often, with the rest of the filter."""
    mine = str(user.uuid)
    is_mine = chosen.person == mine
    plain = {"starred": "", "hidden": ""} | ({"person": ""} if is_mine else {})
    is_all = not (chosen.starred or chosen.hidden or is_mine)
    return [
        Segment(_("All"), chosen.changed(**plain), is_all),
        Segment(_("Mine"), chosen.changed(**plain | {"person": mine}), is_mine),
        Segment(_("Starred"), chosen.changed(**plain | {"starred": ON}), bool(chosen.starred)),
        Segment(_("Bin"), chosen.changed(**plain | {"hidden": ON}), bool(chosen.hidden)),
    ]


def saved_views(user: User) -> list[SavedSearch]:
    return list(user.saved_searches.filter(page=SavedSearch.Page.GALLERY))


def _choices(
    name: str, values: Iterable[tuple[str, str]], chosen: str, counted: Counted | None
) -> list[Choice]:
    counts = counted.by_value.get(name) if counted else None
    if counted is None or counts is None:
        return [Choice(value, label, value == chosen) for value, label in values]
    plus = "" if counted.exact[name] else "+"
    return [
        Choice(value, label, value == chosen, f"{counts[value]:,}{plus}") for value, label in values
    ]


def _least(stars: int) -> str:
    if stars == MOST_STARS:
        return _("5 stars")
    return ngettext("%(count)d star or more", "%(count)d stars or more", stars) % {"count": stars}


def _uuids(model: Any, keys: Iterable[int | None]) -> dict[int, str]:
    """The identifiers of rows, by their primary keys."""
    rows = model.objects.filter(pk__in={key for key in keys if key})
    return {pk: str(uuid) for pk, uuid in rows.values_list("pk", "uuid")}
