"""Pages other than the gallery, and a claim by a worker, in the studio that `images` has filled."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.urls import reverse

from accounts import sessions
from accounts.models import Team, User
from generations.jobs import dispatch
from generations.labelling import FULL, SCREEN
from generations.models import Generation, Image, Mark, ProviderAccount, Reference, Run, Tag
from generations.reading import waits
from generations.states import Status
from tests.bench.browser import Browser, hello
from tests.factories import make_user
from tests.generations.asking import ask

ROOT = "root@scale.example"
IN_LINE = 100


def acts(user: User, busy: User) -> dict[str, Callable[[], object]]:
    """What to measure, by name: as `user`, as an admin, and as a worker for whom `busy` waits."""
    User.objects.filter(pk=busy.pk).update(quota=1_000_000)
    dispatch.accounts_here()
    while Generation.objects.filter(status=Status.QUEUED)[:IN_LINE].count() < IN_LINE:
        ask(busy, num_images=4)
    line = list(Generation.objects.filter(status=Status.QUEUED)[:IN_LINE])
    return {
        **_pages(user),
        **_lists(user.team),
        "claim, rolled back": _claim,
        "places in line": lambda: waits.places(line),
        "measured times of a provider": lambda: waits._measure("demo"),
    }


def _pages(user: User) -> dict[str, Callable[[], object]]:
    browser = Browser(user)
    deep = Run.objects.visible_to(user).order_by("pk")[1000]
    feed = {"scope": "mine"}
    return {
        "studio page": partial(_get, browser, "studio"),
        "poll, changed": partial(_poll, browser, user, feed),
        "poll, changed, of the team": partial(_poll, browser, user, {}),
        "feed, deep page": partial(_get, browser, "feed-older", {"before": str(deep.uuid)}),
        "credits": partial(_get, browser, "credits"),
    }


def of_gallery(user: User) -> dict[str, Callable[[], object]]:
    """The gallery's pages, and an image that is opened in the middle or at the end of a list."""
    browser = Browser(user)
    images = Image.objects.visible_to(user)
    middle = images.newest()[images.count() // 2]
    last = Mark.objects.filter(user=user, is_starred=True).order_by("image_id")[0].image
    newest = list(images.newest()[:4])
    _make_files([middle, last, *newest])
    tag = str(Tag.objects.visible_to(user).earliest("pk").uuid)
    without = User.objects.filter(team=user.team).exclude(pk=user.pk).latest("pk")
    deep = Reference.objects.visible_to(user).order_by("pk")[1000]
    listed: list[tuple[str, UUID, dict[str, object]]] = [
        ("of the gallery", middle.uuid, {}),
        ("of a search", middle.uuid, {"q": "fox"}),
        ("of a search for nothing", middle.uuid, {"q": "zyzzyva"}),
        ("of a format", middle.uuid, {"format": "r32"}),
        ("of starred ones, the last", last.uuid, {"starred": "1"}),
        ("of a tag", middle.uuid, {"tag": tag}),
    ]
    found: dict[str, Callable[[], object]] = {
        f"image page, {name}": partial(
            _get, browser, "image", {"in": "gallery", **query}, key=image
        )
        for name, image, query in listed
    }
    return {
        "hello": hello(),
        "gallery as a page": partial(_get, browser, "gallery"),
        "gallery as a page, middle": partial(
            _get, browser, "gallery", {"before": str(middle.uuid)}
        ),
        "gallery as a page, search": partial(_get, browser, "gallery", {"q": "fox"}),
        "gallery as a page, starred": partial(_get, browser, "gallery", {"starred": "1"}),
        "counts as a part": partial(_get, browser, "gallery-counts"),
        **found,
        "library of references": partial(_get, browser, "references"),
        "library, part of a name": partial(_get, browser, "references", {"q": "sketch"}),
        "library, name that is nowhere": partial(_get, browser, "references", {"q": "zyzzyva"}),
        "library, a person's": partial(_get, browser, "references", {"person": str(user.uuid)}),
        "library, a person's who has none": partial(
            _get, browser, "references", {"person": str(without.uuid)}
        ),
        "library, deep page": partial(_get, browser, "references", {"before": str(deep.uuid)}),
        "library, images": partial(_get, browser, "references", {"source": "images"}),
        "compare": partial(
            _get, browser, "compare", {"image": [str(each.uuid) for each in newest]}
        ),
    }


def _make_files(images: Sequence[Image]) -> None:
    """Give images the rows of the files that their own pages name; all others have a preview."""
    for image in images:
        size = {"width": image.width, "height": image.height, "bytes": 1}
        known: dict[str, Any] = size | {"format": "PNG", "name": "none", "label_version": 1}
        for recipe in (SCREEN, FULL):
            image.renditions.get_or_create(
                recipe=recipe.name, defaults=known | {"sha256": "0" * 64}
            )


def _lists(team: Team) -> dict[str, Callable[[], object]]:
    root = User.objects.filter(email=ROOT).first()
    root = root or make_user(email=ROOT, team=team, is_superuser=True, is_staff=True)
    browser = Browser(root)
    seldom = ProviderAccount.objects.latest("pk")
    some = Generation.objects.earliest("pk")
    chosen: list[dict[str, object]] = [
        {},
        {"p": 20},
        {"id__lt": some.pk + 100_000},
        {"status__exact": "succeeded"},
        {"status__exact": "failed"},
        {"account__id__exact": seldom.pk},
        {"error_code__exact": "timeout"},
        {"q": "nothing"},
        {"q": some.uuid},
    ]
    found: dict[str, Callable[[], object]] = {
        f"admin, generations {urlencode(query)[:20]}": partial(
            _get, browser, "admin:generations_generation_changelist", query
        )
        for query in chosen
    }
    found["status of providers"] = partial(_get, browser, "providers")
    for table in ("accounts_entry", "accounts_user", "accounts_team"):
        found[f"admin, {table}"] = partial(_get, browser, f"admin:{table}_changelist")
    return found


def _get(
    browser: Browser,
    name: str,
    query: Mapping[str, object] | None = None,
    *,
    key: UUID | None = None,
) -> None:
    path = reverse(name, args=[key] if key else None)
    url = f"{path}?{urlencode(query or {}, doseq=True)}"
    browser.get(url)
    assert browser.status.startswith("200"), (url, browser.status)


def _poll(browser: Browser, user: User, query: Mapping[str, str]) -> None:
    cache.delete(sessions.live_key(user.pk))
    browser.get(f"{reverse('live')}?{urlencode(query)}", hx_request="true", hx_ptag="")
    assert browser.status.startswith("200"), browser.status


def _claim() -> None:
    with transaction.atomic():
        assert dispatch.claim_next("bench")
        transaction.set_rollback(True)
