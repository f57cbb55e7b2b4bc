"""The log in a studio with many records: seal, verification, exports, and each page of the log.

`filling` says what the studio holds.
"""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.urls import reverse

from accounts.events import Event
from accounts.models import Record, RecordTeam, Team, User
from tests.bench.browser import Browser
from tests.bench.scale import export, filling, log_pages, seal

# Of processor time, where `hello` takes `HELLO_MS`.
TARGET_MS = 30
PAGE = 25  # lines
DEEP = 10_000  # pages


def main(size: int) -> bool:
    """Fill, measure and print. Returns whether one of the targets was missed."""
    if not Team.objects.filter(name=filling.TEAMS[0]).exists():
        for step, seconds in filling.fill(size).items():
            print(f"filled: {step} in {seconds:.0f} s", flush=True)
    missed = seal.measure()
    missed |= export.measure()
    return missed | log_pages.print_all(asked(), target=TARGET_MS)


def asked() -> Iterator[log_pages.Page]:
    """The pages of the log for a large, a small and a new team, and for who reads the whole log."""
    for name in ("Large", "Small", "New"):
        team = Team.objects.get(name=name)
        yield from _of_team(team)
    for what, query in {"runs, first page": {}, "a word of no prompt": {"q": "unicorn"}}.items():
        yield f"whole log, {what}", _log(Browser(_superuser()), query)


def _superuser() -> User:
    values = {"team": Team.objects.get(name="New"), "is_superuser": True}
    return User.objects.get_or_create(email="root@scale.example", defaults=values)[0]


def _of_team(team: Team) -> Iterator[log_pages.Page]:
    reader = team.members.order_by("pk")[0]
    browser = Browser(reader)
    for what, query in _queries(team, team.members.order_by("pk")[4]):
        yield f"{team.name}, {what}", _log(browser, query)
    for run in team.runs.order_by("-pk")[:1]:
        url = reverse("story", args=[run.uuid])
        yield f"{team.name}, a story", log_pages.page(browser, url)


def _log(browser: Browser, query: dict[str, str]) -> log_pages.Call:
    return log_pages.page(browser, f"{reverse('log')}?{urlencode(query)}")


def _queries(team: Team, person: User) -> Iterator[tuple[str, dict[str, str]]]:
    common, rare = Event.GENERATION_SUCCEEDED, Event.ORIGINAL_DOWNLOADED
    both = {"person": str(person.uuid), "event": str(Event.IMAGE_DOWNLOADED)}
    yield "runs, first page", {}
    if deep := _run_at(team, DEEP * PAGE):
        yield "runs, deep page", {"before": str(deep.pk)}
    yield "runs by person", {"person": str(person.uuid)}
    yield "a word of all prompts", {"q": "ridges"}
    yield "a word of a thousandth", {"q": "fox"}
    if one := team.runs.order_by("pk").first():
        yield "the word of one prompt", {"q": one.prompt.split()[-1]}
    yield "a word of no prompt", {"q": "unicorn"}
    yield "two words, never together", {"q": "fox owl"}
    yield "a common word, by person", {"q": "ridges", "person": str(person.uuid)}
    yield "a common word, by rare event", {"q": "ridges", "event": str(rare)}
    yield "a word of a thousandth, by event", {"q": "fox", "event": str(common)}
    yield "runs of a week", {"from": "2025-10-10", "to": "2025-10-16"}
    yield "failed runs", {"status": "failed"}
    yield "a hash of none", {"hash": "cd" * 32}
    yield "steps, first page", {"steps": "1"}
    if record := _record_at(team, DEEP * PAGE):
        yield "steps, 10,000th page", {"before": str(record.uuid), "steps": "1"}
        yield "steps, deep page by event", {"before": str(record.uuid), "event": str(common)}
    yield "steps by event", {"event": str(common)}
    yield "steps by rare event", {"event": str(rare)}
    yield "steps by event of none", {"event": str(Event.LEDGER_DRIFTED)}
    yield "steps by person", {"person": both["person"], "steps": "1"}
    yield "steps by both", both


def _record_at(team: Team, depth: int) -> Record | None:
    """The record of a team below so many newer ones, or below most if it has fewer."""
    rows = RecordTeam.objects.filter(team=team).order_by("-at", "-record")
    count = rows.count()
    row = rows[min(depth, count * 9 // 10) :].select_related("record").first()
    return row.record if row else None


def _run_at(team: Team, depth: int) -> Record | None:
    """The submission below so many newer ones of a team, or below most if it has fewer."""
    records = Record.objects.filter(event=Event.RUN_SUBMITTED, subject_team=team.uuid)
    return records.order_by("-at", "-pk")[min(depth, records.count() * 9 // 10) :].first()
