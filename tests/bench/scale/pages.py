"""Pages other than the gallery, and a claim by a worker, in the studio that `images` has filled."""

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlencode

from django.core.cache import cache
from django.db import transaction
from django.urls import reverse

from accounts import sessions
from accounts.models import Team, User
from generations.jobs import dispatch
from generations.models import Generation, ProviderAccount, Run
from generations.reading import waits
from generations.states import Status
from tests.bench.browser import Browser
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
        "gallery as a page": partial(_get, browser, "gallery"),
        "credits": partial(_get, browser, "credits"),
    }


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


def _get(browser: Browser, name: str, query: Mapping[str, object] | None = None) -> None:
    url = f"{reverse(name)}?{urlencode(query or {})}"
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
