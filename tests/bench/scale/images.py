"""The gallery and its search: a team with 70 % of the images, one with 10 %, one with eight images.

The words of the prompts have realistic frequencies: of a few thousand, a few are very frequent.
Some words are made for the measurement. Each run has four images; each has a preview and no file.
"""

import random
import time
from collections.abc import Callable, Iterator

from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F, Max
from django.db.models.functions import Mod
from django.utils import timezone

from accounts.models import User
from generations.gallery_filters import Filter
from generations.models import (
    Campaign,
    Delivery,
    Generation,
    Image,
    Mark,
    ProviderAccount,
    Reference,
    Rendition,
    Run,
    Tag,
    TagOfImage,
)
from generations.models.prompt_index import IndexedPrompt
from generations.reading import facets, gallery
from tests.bench.scale import pages
from tests.bench.scale.copies import Copied, multiply_tables
from tests.bench.scale.rows import (
    analyse,
    execute,
    moment,
    multiply,
    new_uuid,
    on_postgresql,
    vacuum,
)
from tests.bench.scale.timing import measured, print_plan
from tests.factories import make_team, make_user
from tests.generations.asking import DEMO
from tests.generations.factories import make_finished_run

IMAGES_A_RUN = 4
SMALL_TEAMS = 20
# At p95, in CPU time, which other work on the machine changes less than what a clock shows.
TARGET_MS, COUNTS_TARGET_MS = 40, 100
DEAREST = 5
LARGE, MIDDLE, NEW = "large@scale.example", "middle@scale.example", "new@scale.example"
SELDOM = "seldom@scale.example"
SYLLABLES = [a + b for a in "bdfgk" for b in ("a", "e", "i", "o")]
WORDS = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES[:8]]

# Primary keys of the teams. One person in each team has the same key as the team.
LARGE_KEY, MIDDLE_KEY, SMALL_KEY = 1000, 1001, 1002
# Of ten runs that follow each other, seven belong to the large team and one to the middle one.
TEAM = (
    f"CASE WHEN i % 10 < 7 THEN {LARGE_KEY} WHEN i % 10 = 7 THEN {MIDDLE_KEY} "
    f"ELSE {SMALL_KEY} + (i / 10) % {SMALL_TEAMS} END"
)
PROMPT = """
(SELECT text FROM scale_prompt WHERE number = (i % 5000 * 7919) % 5000)
|| CASE WHEN (i / 10) % 5 = 0 THEN ', a fox' ELSE '' END
|| CASE WHEN (i / 10) % 3 = 0 THEN ', red' ELSE '' END
|| CASE WHEN (i / 10) % 2 = 0 THEN ', dawn' ELSE ', dusk' END
|| CASE WHEN (i / 10) % 50 = 0 THEN ', 红色的狐狸' ELSE '' END
|| CASE WHEN i % 25000 = 1 THEN ', a quokka' ELSE '' END
|| CASE WHEN i > {runs} * 0.05 AND i < {runs} * 0.08 THEN ', christmas' ELSE '' END
|| ', take ' || i
"""


def main(size: int, times: int = 1) -> bool:
    """Fill, measure and print. Returns whether a page was slower than the target.

    An empty database gets about `size` images, and then `times` as many.
    """
    if not Image.objects.exists():
        fill(size)
        if times > 1:
            multiply_images(times)
            vacuum()
    return measure()


def multiply_images(times: int) -> None:
    """Make `times` as many images of what is there. The new team keeps its few."""
    new = {"team__members__email": NEW}
    runs, made = Run.objects.filter(**new), Image.objects.filter(**new)
    run, image = runs.latest("pk").pk, made.latest("pk")
    rendition = Rendition.objects.filter(image=image).latest("pk").pk
    old, recent = "christmas", "xmas"  # so that all of the former stays old
    renamed = {"prompt": f"replace(prompt, '{old}', '{recent}')"}
    multiply_tables(
        [
            Copied(Run, after=run, values=renamed),
            Copied(IndexedPrompt, after=run, index_of=Run, renamed=(old, recent)),
            Copied(Generation, after=image.generation_id),
            Copied(Delivery, after=image.delivery_id),
            Copied(Image, after=image.pk),
            Copied(Rendition, after=rendition),
            Copied(Mark),
            Copied(TagOfImage),
            Copied(Reference),
        ],
        times,
    )


def fill(size: int) -> None:
    """Make about `size` images in an empty database."""
    started = time.monotonic()
    runs = size // IMAGES_A_RUN
    with transaction.atomic():
        first = _first_run()
        _add_runs(first, runs)
        _add_images(first.images.first(), first, runs)
        _pick()
        _add_references(size // 20)
    analyse()
    print(f"filled with {size} images in {time.monotonic() - started:.0f} s", flush=True)
    started = time.monotonic()
    call_command("index_prompts")
    print(f"indexed {runs} runs in {time.monotonic() - started:.0f} s", flush=True)


def _pick() -> None:
    """Let people of the large team pick images, by their primary keys.

    Somebody stars every tenth, and rates every tenth of these. Every twentieth has a tag, every
    fiftieth is in the bin.
    """
    large = User.objects.get(email=LARGE)
    tag = Tag.objects.create(team=large.team, name="scale", created_by=large)
    execute(
        "INSERT INTO generations_mark (user_id, image_id, is_starred, rating) "
        "SELECT team_id, id, (1 = 1), CASE WHEN id % 100 = 0 THEN 5 ELSE 0 END "
        f"FROM generations_image WHERE team_id = {LARGE_KEY} AND id % 10 = 0"
    )
    execute(
        "INSERT INTO generations_tagofimage (tag_id, image_id) "
        f"SELECT {tag.pk}, id FROM generations_image WHERE team_id = {LARGE_KEY} AND id % 20 = 0"
    )
    every_fiftieth = Image.objects.alias(rest=Mod(F("pk"), 50)).filter(team=large.team, rest=1)
    every_fiftieth.update(hidden_at=timezone.now())


def _add_references(count: int) -> None:
    """Let the large team have used `count` uploads, of which every tenth is called a sketch."""
    large = User.objects.get(email=LARGE)
    first = Reference.objects.create(
        owner=large, team=large.team, format="PNG", width=96, height=64, rights="own"
    )
    name = "CASE WHEN i % 10 = 0 THEN 'sketch ' || i ELSE 'photo ' || i END"
    digest = "lower(hex(randomblob(32)))" if not on_postgresql() else "md5(i::text)"
    values = {"file_name": name, "sha256": digest, "created_at": moment("i * 10")}
    multiply(first, count, values)


def measure() -> bool:
    print(f"{connection.vendor}, images up to key {Image.objects.aggregate(Max('pk'))['pk__max']}")
    acts = _acts()
    figures = measured(acts, title="gallery")
    people = {user.email: user for user in User.objects.filter(email__in=(LARGE, MIDDLE))}
    acts |= (of_gallery := pages.of_gallery(people[LARGE]))
    figures |= measured(of_gallery, title="pages of the gallery, 70 %")
    missed = [name for name, timing in figures.items() if timing.cpu_p95 > _target(name)]
    acts |= (others := pages.acts(people[LARGE], people[MIDDLE]))
    figures |= measured(others, title="other pages, 70 %")
    for name in sorted(figures, key=lambda name: -figures[name].p50)[:DEAREST]:
        print(f"plan of: {name}")
        print_plan(acts[name])
    print(f"missed: {', '.join(missed) or 'nothing'}")
    return bool(missed)


def _target(name: str) -> int:
    """For counts, and for what looks for all that match, more than for a page."""
    return COUNTS_TARGET_MS if name.startswith(("counts", "all that match")) else TARGET_MS


def _acts() -> dict[str, Callable[[], object]]:
    large, middle, new = (User.objects.get(email=email) for email in (LARGE, MIDDLE, NEW))
    campaign = str(Campaign.objects.get(name="Scale").uuid)
    seldom = str(User.objects.get(email=SELDOM).uuid)
    tag = str(Tag.objects.visible_to(large).get().uuid)
    deep = _deep_cursor(large)
    return {
        "first page, 70 %": _page(large),
        "first page, 10 %": _page(middle),
        "first page, new team": _page(new),
        "10,000th page, or two thirds down": _page(large, cursor=deep),
        "word in every fifth, 70 %": _page(large, query="fox"),
        "word in every fifth, 10 %": _page(middle, query="fox"),
        "word in every fifth, new team": _page(new, query="fox"),
        "word in every fifth, deep page": _page(large, query="fox", cursor=deep),
        "word in all": _page(large, query="take a"),
        "two words": _page(large, query="red fox"),
        "three words": _page(large, query="red fox dawn"),
        "two frequent words, never together": _page(large, query="dusk dawn"),
        "word in 1 of 100,000": _page(large, query="quokka"),
        "word in 3 %, all of it old": _page(large, query="christmas"),
        "word that is nowhere": _page(large, query="zyzzyva"),
        "frequent and nowhere": _page(large, query="fox zyzzyva"),
        "beginning of two letters": _page(large, query="fo"),
        "frequent word and beginning": _page(large, query="fox ta"),
        "beginning of a number": _page(large, query="12"),
        "beginning that is nowhere": _page(large, query="zyz"),
        "Chinese, two characters": _page(large, query="狐狸"),
        "Chinese, one character": _page(large, query="狐"),
        "Chinese, nowhere": _page(large, query="熊猫"),
        "campaign": _page(large, campaign=campaign),
        "person with few runs": _page(large, person=seldom),
        "frequent word, person with few runs": _page(large, query="fox", person=seldom),
        "frequent word and campaign": _page(large, query="fox", campaign=campaign),
        "sixteen frequent words": _page(large, query="red fox dawn dusk " + " ".join(WORDS[:12])),
        "format": _page(large, shape="r32"),
        "format that nothing has": _page(large, shape="r219"),
        "engine and format": _page(large, engine=DEMO, shape="r32"),
        "engine and person with few runs": _page(large, engine=DEMO, person=seldom),
        "one day, long ago": _page(large, since="2001-01-02", until="2001-01-02"),
        "frequent word on one day": _page(large, query="fox", until="2001-01-02"),
        "starred": _page(large, starred="1"),
        "starred, of a person with few runs": _page(large, starred="1", person=seldom),
        "starred with a word that is nowhere": _page(large, starred="1", query="zyzzyva"),
        "rated 5": _page(large, rating="5"),
        "starred and rated 5": _page(large, starred="1", rating="5"),
        "tag": _page(large, tag=tag),
        "tag, starred, format and engine": _page(
            large, tag=tag, starred="1", shape="r32", engine=DEMO
        ),
        "tag, seven days ago and no more": _page(large, tag=tag, until="2001-01-02"),
        "bin": _page(large, hidden="1"),
        "bin, frequent word": _page(large, hidden="1", query="fox"),
        "counts of all facets": _counts(large),
        "counts, frequent word": _counts(large, query="fox"),
        "counts, starred": _counts(large, starred="1"),
        "counts, tag": _counts(large, tag=tag),
        "counts, bin": _counts(large, hidden="1"),
        "counts, starred, word that is nowhere": _counts(large, starred="1", query="zyzzyva"),
        "counts, starred on one day, long ago": _counts(large, starred="1", until="2001-01-02"),
        "counts, word that is nowhere": _counts(large, query="zyzzyva"),
        "counts, beginning of a number": _counts(large, query="12"),
        "counts, two words never together": _counts(large, query="dusk dawn"),
        "counts, person with few runs": _counts(large, person=seldom),
        "counts, format that nothing has": _counts(large, shape="r219"),
        "all that match, at most 5,000": lambda: gallery.all_that_fit(large, Filter(query="fox")),
        "all that match, without a filter": lambda: gallery.all_that_fit(large, Filter()),
        "all that match, starred": lambda: gallery.all_that_fit(large, Filter(starred="1")),
        "all that match, starred and nowhere": lambda: gallery.all_that_fit(
            large, Filter(starred="1", query="zyzzyva")
        ),
        "sixteen words": _page(large, query="red fox dawn take " + " ".join(SYLLABLES[:12])),
    }


def _page(user: User, *, cursor: str = "", **chosen: str) -> Callable[[], object]:
    return lambda: gallery.page(user, cursor=cursor, chosen=Filter(**chosen))


def _counts(user: User, **chosen: str) -> Callable[[], object]:
    return lambda: facets.count(user, Filter(**chosen))


def _deep_cursor(user: User) -> str:
    images = Image.objects.visible_to(user)
    deep = min(10_000 * gallery.PAGE_SIZE, images.count() * 2 // 3)
    return str(images.newest()[deep].uuid)


def _first_run() -> Run:
    """Make the oldest run, which belongs to the new team. All others are copied from it."""
    user = make_user(email=NEW)
    make_finished_run(user, images=IMAGES_A_RUN, prompt="a fox, the first")
    return make_finished_run(user, images=1, prompt="a fox, the second")


def _add_runs(first: Run, runs: int) -> None:
    large, *_ = [_make_member(email, key) for email, key in _members()]
    seldom = make_user(email=SELDOM, team=large.team)
    campaign = Campaign.objects.create(name="Scale", team=large.team, created_by=large)
    _make_prompts()
    multiply(
        first,
        runs,
        {
            "team_id": TEAM,
            "user_id": f"CASE WHEN i % 25000 = 1 THEN {seldom.pk} ELSE {TEAM} END",
            "campaign_id": f"CASE WHEN i % 50 = 1 THEN {campaign.pk} END",
            "prompt": PROMPT.format(runs=runs),
            "idempotency_key": new_uuid(),
            "wanted": str(IMAGES_A_RUN),
            "delivered": str(IMAGES_A_RUN),
            "created_at": moment("i * 10"),
        },
    )


def _members() -> Iterator[tuple[str, int]]:
    yield LARGE, LARGE_KEY
    yield MIDDLE, MIDDLE_KEY
    for number in range(SMALL_TEAMS):
        yield f"small{number}@scale.example", SMALL_KEY + number


def _make_member(email: str, key: int) -> User:
    return make_user(email=email, pk=key, team=make_team(pk=key))


def _make_prompts() -> None:
    """Make 5000 beginnings of prompts from `WORDS`, of which the first are the most frequent."""
    chance = random.Random(1)
    execute("CREATE TABLE scale_prompt (number integer PRIMARY KEY, text text)")
    weights = [1 / rank for rank in range(1, len(WORDS) + 1)]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO scale_prompt VALUES (%s, %s)",
            [(number, " ".join(chance.choices(WORDS, weights, k=12))) for number in range(5000)],
        )


def _add_images(template: Image, first: Run, runs: int) -> None:
    count = runs * IMAGES_A_RUN
    # The number of an image's run, and its number in the run.
    of_run = f"(i - 1) / {IMAGES_A_RUN} + 1"
    index = f"(i - 1) % {IMAGES_A_RUN}"
    run = f"{first.pk} + {of_run}"
    generation, delivery = template.generation, template.delivery
    preview = template.renditions.get(recipe="preview")
    times = {"created_at": moment(f"({of_run}) * 10 + 5 + {index}")}
    limits = {"provider": "demo", "concurrency": 100, "per_minute": 1_000}
    often, seldom = (ProviderAccount.objects.create(slot=n, **limits).pk for n in (1, 2))
    multiply(
        generation,
        runs,
        {
            "run_id": f"{first.pk} + i",
            "user_id": f"(SELECT user_id FROM generations_run WHERE id = {first.pk} + i)",
            "account_id": f"CASE WHEN i % 5003 = 1 THEN {seldom} ELSE {often} END",
            "wanted": str(IMAGES_A_RUN),
            "delivered": str(IMAGES_A_RUN),
            "created_at": moment("i * 10"),
            "submitted_at": moment("i * 10 + 1"),
            "ended_at": moment("i * 10 + 5"),
        },
    )
    multiply(
        delivery,
        count,
        {"generation_id": f"{generation.pk} + {of_run}", "index": index, **times},
    )
    multiply(
        template,
        count,
        {
            "run_id": run,
            "team_id": f"(SELECT run.team_id FROM generations_run AS run WHERE run.id = {run})",
            "generation_id": f"{generation.pk} + {of_run}",
            "delivery_id": f"{delivery.pk} + i",
            "position": index,
            **times,
        },
    )
    multiply(preview, count, {"image_id": f"{template.pk} + i", **times})
