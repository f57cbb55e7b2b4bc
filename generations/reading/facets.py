"""What the gallery can be filtered by, with how many images each choice has.

Counting all images would cost more the more there are. So the newest `MOST_COUNTED` that fit the
present filter are counted; if there are more, each count is the least that there are.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
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
MOST_CHOICES = 200
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
    """How many images fit: at least `number`, and exactly so many if `is_exact`."""

    number: int
    is_exact: bool
    by_value: dict[str, Counter[str]]

    @property
    def in_words(self) -> str:
        if self.is_exact:
            return ngettext("%(count)s image", "%(count)s images", self.number) % {
                "count": f"{self.number:,}"
            }
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
    """Count the newest images that fit, in as many queries whatever is stored."""
    images = gallery.all_that_fit(user, chosen, most=MOST_COUNTED + 1)
    is_exact, images = len(images) <= MOST_COUNTED, images[:MOST_COUNTED]
    keys = [image.id for image in images]
    marks = list(Mark.objects.filter(user=user, image__in=keys).values_list("is_starred", "rating"))
    tags = TagOfImage.objects.filter(image__in=keys).values_list("tag__uuid", flat=True)
    people = _uuids(User, (image.run__user for image in images))
    campaigns = _uuids(Campaign, (image.run__campaign for image in images))
    by_value = {
        "person": Counter(people[image.run__user] for image in images),
        "campaign": Counter(
            campaigns[image.run__campaign] for image in images if image.run__campaign
        ),
        "engine": Counter(image.run__engine for image in images),
        "format": Counter(shape_of(image.width, image.height) for image in images),
        "tag": Counter(map(str, tags)),
        "rating": Counter(
            {
                str(least): sum(rating >= least for _starred, rating in marks)
                for least in range(1, MOST_STARS + 1)
            }
        ),
        "starred": Counter({ON: sum(starred for starred, _rating in marks)}),
    }
    return Counted(len(images), is_exact, by_value)


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
    # With a choice made, the other ones have no images among those that fit.
    if counts is None or chosen:
        return [Choice(value, label, value == chosen) for value, label in values]
    plus = "" if counted and counted.is_exact else "+"
    return [Choice(value, label, False, f"{counts[value]:,}{plus}") for value, label in values]


def _least(stars: int) -> str:
    if stars == MOST_STARS:
        return _("5 stars")
    return ngettext("%(count)d star or more", "%(count)d stars or more", stars) % {"count": stars}


def _uuids(model: Any, keys: Iterable[int | None]) -> dict[int, str]:
    """The identifiers of rows, by their primary keys."""
    rows = model.objects.filter(pk__in={key for key in keys if key})
    return {pk: str(uuid) for pk, uuid in rows.values_list("pk", "uuid")}
