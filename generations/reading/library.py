"""The library of references: what the team has used before, and the images of its gallery."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import keyset
from accounts.models import User
from generations.label_chips import chips_of_previews
from generations.models import Image, Reference
from generations.paths import reference_path
from generations.reading.search import pk_of

PAGE_SIZE = 12
# File names are looked for in this many of the newest references, because no index finds them.
NAMES_LOOKED_AT = 2000
LONGEST_QUERY = 100  # characters
USED, IMAGES = "used", "images"


@dataclass(frozen=True)
class Asked:
    """What to show: the `source`, and for used references a part of the file name and a person."""

    source: str = USED
    query: str = ""
    person: str = ""

    @property
    def as_query(self) -> str:
        """The choice as a query string, without the question mark."""
        named = {"source": self.source, "q": self.query, "person": self.person}
        return urlencode({name: value for name, value in named.items() if value})


@dataclass(frozen=True)
class Item:
    """One reference or image. `is_unused` says that it is an upload that waits for a run.

    `chip` repeats the badge of an image that this studio made; an upload has none.
    """

    uuid: str
    src: str
    title: str
    person: str
    rights: str
    chip: str
    is_unused: bool = False


@dataclass(frozen=True)
class LibraryPage:
    """Items, newest first. `next_cursor` leads to older ones; it is empty if there are none."""

    items: list[Item] = field(default_factory=list)
    next_cursor: str = ""


def page(user: User, asked: Asked, *, cursor: str = "") -> LibraryPage:
    """The newest items that `user` may use as a reference, or those older than `cursor`."""
    return _images(user, cursor) if asked.source == IMAGES else _used(user, asked, cursor)


def _used(user: User, asked: Asked, cursor: str) -> LibraryPage:
    every = Reference.objects.visible_to(user)
    ready = every.filter(status=Reference.Status.READY)
    shown = Q(image__isnull=True) | Q(image__hidden_at__isnull=True)
    used = ready.filter(shown, kept_until__isnull=True, erased_at__isnull=True)
    mine = ready.waiting_for(user)
    place = keyset.place_of(every, cursor)
    rows, more = keyset.newest(
        [_asked_for(each, asked).select_related("owner", "image") for each in (used, mine)],
        place,
        size=PAGE_SIZE,
    )
    return LibraryPage(list(_items(rows)), str(rows[-1].uuid) if more else "")


def _asked_for(rows: QuerySet[Reference], asked: Asked) -> QuerySet[Reference]:
    if asked.person:
        # Not `owner__uuid`: a join reads the references of the whole team.
        rows = rows.filter(owner=pk_of(User.objects.all(), asked.person))
    if asked.query:
        newest = keyset.newest_first(rows)[:NAMES_LOOKED_AT]
        rows = rows.filter(pk__in=newest.values("pk"), file_name__icontains=asked.query)
    return rows


def _items(rows: Sequence[Reference]) -> Iterable[Item]:
    """The rows as items. Of the same file with the same rights, the newest on the page is shown."""
    seen = set()
    chips = chips_of_previews(row.image.uuid for row in rows if row.image)
    for row in rows:
        same = (row.sha256, row.rights)
        if same not in seen:
            seen.add(same)
            yield _item(row, chips[row.image.uuid] if row.image else "")


def _item(row: Reference, chip: str) -> Item:
    # An image that is shown as its labelled preview has the address of the image or of its row.
    return Item(
        uuid=str(row.uuid),
        src=reference_path(row.uuid),
        title=row.file_name or (_("Image of your team") if row.image else _("Upload")),
        person=str(row.owner),
        rights=row.get_rights_display() or _("Rights not declared yet"),
        chip=chip,
        is_unused=row.kept_until is not None,
    )


def _images(user: User, cursor: str) -> LibraryPage:
    visible = Image.objects.visible_to(user)
    newest = keyset.page(
        visible.filter(run__erased_at__isnull=True).select_related("run__user"),
        cursor=cursor,
        anchors=Image.objects.filter(team_id=user.team_id),
        size=PAGE_SIZE,
    )
    made = str(Reference.Rights.GENERATED.label)
    chips = chips_of_previews(image.uuid for image in newest.rows)
    items = [
        Item(
            uuid=str(image.uuid),
            src=reference_path(image.uuid),
            title=date_format(image.created_at.astimezone(user.tzinfo), "DATE_FORMAT"),
            person=str(image.run.user),
            rights=made,
            chip=chips[image.uuid],
        )
        for image in newest.rows
    ]
    return LibraryPage(items, newest.next_cursor)
