"""After a person is erased, no byte of their prompts and of their name is left anywhere."""

import io
import subprocess
import zlib
from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts import credit_requests, ledger
from accounts.audit import searching
from accounts.audit.searching import Asked
from accounts.credit_requests import Wish
from accounts.groups import MEMBERS, REVIEWERS
from accounts.models import User
from generations import live, storage
from generations.erasing import asking, targets, work
from generations.exports.registry import stored_name
from generations.jobs.execution import exporting
from generations.models import Erasure, Export
from tests.accounts.evidence.exports import run as run_verify
from tests.factories import make_user
from tests.generations.asking import DEMO
from tests.generations.factories import image_file
from tests.generations.test_views_studio import press

PERSON = {"email": "quillon@zephyrine.example", "name": "Quillon Zephyrine"}
# Each is in the data of the studio before, and nowhere afterwards, in upper or lower case. Single
# words, because a search keeps each by itself.
WORDS = [
    *(b"wyvern", b"basilisk", b"manticore", b"hippocamp"),  # prompts
    *(b"quillon", b"zephyrine"),  # the person
    *(b"chimaera", b"cockatrice"),  # a draft, and one that was written over
    *(b"catoblepas", b"lindworm", b"peryton"),  # a licence, a saved search, a search of the log
    *(b"cockatrice", b"jackalope"),  # a snippet and its name
    *(b"tatzelwurm", b"wampus", b"bunyip"),  # what credits are for, a note and an answer to it
]


@pytest.fixture
def studio(tmp_path, settings, sign_in, team):
    """Somebody with delivered, failed, refused and drafted prompts, an upload and a reason.

    They searched the log, and it was exported.
    """
    settings.PROVIDER_TIME_SCALE = 0.01
    settings.LOG_CHECKPOINT_FILE = str(tmp_path / "checkpoints.txt")
    person = make_user(team=team, groups=[MEMBERS, REVIEWERS], **PERSON)
    admin = make_user(team=team, groups=[], is_superuser=True, is_staff=True)
    upload = tmp_path / "chartreuse wyvern.png"
    upload.write_bytes(image_file())
    licence = ("--rights", "licensed", "--licence", "catoblepas agency, order 7")
    generate(person, "a chartreuse wyvern", "--reference", str(upload), *licence)
    generate(person, "a vermilion basilisk [demo: fails]", "--negative-prompt", "ochre hippocamp")
    client = sign_in(person)
    press(client, prompt="a cerulean manticore", num_images="99")
    client.get(reverse("composer"), {"prompt": "an ochre hippocamp", "engine": DEMO})
    draft = {"prompt": "a chimaera", "idempotency_key": "a" * 32, "engine": DEMO}
    assert client.post(reverse("draft"), draft).status_code == 200
    other = {"prompt": "a cockatrice", "idempotency_key": "b" * 32, "engine": DEMO}
    assert client.post(reverse("draft"), other).status_code == 200
    client.get(reverse("live"))
    snippet = {"name": "my jackalope", "prompt": "a teal cockatrice"}
    assert client.post(reverse("prompts"), snippet).status_code == 303
    search_the_log(client)
    others_search_for_them(sign_in(admin))
    ledger.top_up(person, 5, actor=admin, reason="Quillon needs more")
    wish = Wish(price=9, draft={"prompt": "a tatzelwurm"}, note="for the wampus")
    asked = credit_requests.ask(person, 9, wish)
    credit_requests.grant(asked, 9, actor=admin, word="bunyip says yes")
    call_command("seal_audit", stdout=io.StringIO())
    client.post(reverse("exports"), {"format": "csv", "query": "q=wyvern"})
    desk = sign_in(admin)
    desk.post(reverse("exports"), {"format": "jsonl", "query": ""})
    make_exports()
    change = reverse("admin:accounts_user_change", args=[person.pk])
    fields = {"email": person.email, "name": "Quillon Z.", "team": team.pk}  # deactivated, too
    assert desk.post(change, fields).status_code == 302
    person.refresh_from_db()
    call_command("seal_audit", stdout=io.StringIO())
    return person, admin


def search_the_log(client):
    """Search it once, and keep another search."""
    assert client.get(reverse("log"), {"q": "peryton"}).status_code == 200
    given = {"name": "my lindworm", "query": "q=lindworm"}
    assert client.post(reverse("log-searches"), given).status_code == 303


def others_search_for_them(desk):
    assert desk.get(reverse("log"), {"person": PERSON["email"]}).status_code == 200
    assert desk.get(reverse("gallery"), {"q": PERSON["name"]}).status_code == 200
    given = {"name": "Quillon", "query": "q=quillon+zephyrine"}
    assert desk.post(reverse("log-searches"), given).status_code == 303


def make_exports():
    for key in list(Export.objects.values_list("pk", flat=True)):
        exporting.make(key, "worker")
    assert list(Export.objects.values_list("state", flat=True)) == ["ready", "ready"]


def found_in_the_log(reader, word):
    return searching.newest(reader, Asked(words=word), size=10).records


def generate(person, prompt, *more):
    command = ("generate", "--user", person.email, "--engine", DEMO, "--prompt", prompt)
    fails = pytest.raises(SystemExit) if "[demo: fails]" in prompt else nullcontext()
    with fails:
        call_command(*command, "--num-images", "1", "--here", *more, stdout=io.StringIO())


def erase(person, admin):
    target = targets.target_of("person", person.uuid, pictures=True)
    erasure = asking.ask(target, reason="asked for by letter", actor=admin)
    while not Erasure.objects.filter(pk=erasure.pk, status=Erasure.Status.DONE).exists():
        # Long after the last page that showed it.
        now = timezone.now()
        assert Erasure.objects.filter(pk=erasure.pk).update(next_try_at=now) == 1
        assert work.work() == 1
        erasure.refresh_from_db()
        assert erasure.trouble == ""
    return erasure


def database():
    return str(connection.settings_dict["NAME"])


def dump():
    """A fresh dump of the database."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return b""  # its files are read
    address = ["--host", given["HOST"], "--port", str(given["PORT"]), "--username", given["USER"]]
    done = subprocess.run(
        ["pg_dump", *address, "--dbname", given["NAME"]],
        check=True,
        capture_output=True,
        env={"PGPASSWORD": given["PASSWORD"], "PATH": "/usr/bin:/bin:/usr/lib/postgresql/bin"},
    )
    assert b"COPY public.accounts_record " in done.stdout
    return done.stdout


def files():
    """The content of all files of the studio, by name; cached values unpacked."""
    for path in sorted(Path(settings.DATA_DIR).rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            yield str(path), data
            if path.suffix == ".djcache":
                yield f"{path}, unpacked", unpacked(data)


def unpacked(data):
    """A cached value without its time (see django.core.cache.backends.filebased)."""
    for start in range(min(len(data), 200)):
        try:
            return zlib.decompress(data[start:])
        except zlib.error:
            continue
    return b""


def in_redis():
    """What the cache holds for longer than any fragment of a page."""
    address = settings.CACHES["shared"].get("LOCATION", "")
    if not str(address).startswith("redis"):
        return
    with closing(redis.Redis.from_url(address)) as server:
        for key in server.scan_iter():
            if server.type(key) == b"string" and not 0 <= server.ttl(key) <= live.TAG_SECONDS:
                yield f"Redis, {key!r}", server.get(key) or b""


def export(folder):
    path = folder / "log.zip"
    call_command("export_audit", "--output", str(path), "--pictures", stdout=io.StringIO())
    with ZipFile(path) as archive:
        archive.extractall(folder / "log")
        yield from ((f"export, {name}", archive.read(name)) for name in archive.namelist())


def places(words, folder):
    """Where which of `words` is found."""
    folder.mkdir()
    everything = [("dump", dump()), *files(), *in_redis(), *export(folder)]
    return {(word, name) for name, data in everything for word in words if word in data.lower()}


def sound(folder):
    """Whether log and export are sound, by `verify_audit` and by the program in the export."""
    call_command("seal_audit", stdout=io.StringIO())
    call_command("verify_audit", stdout=io.StringIO())
    list(export(folder))
    return run_verify(folder / "log")[0] == 0


@pytest.mark.django_db(transaction=True)
def test_no_byte_is_left_of_an_erased_person_and_the_log_is_sound(studio, tmp_path):
    person, admin = studio
    before = places(WORDS, tmp_path / "before")
    assert {word for word, _name in before} == set(WORDS)
    kinds = {name.partition(",")[0] for _word, name in before}
    assert "export" in kinds
    stored_as = "dump" if connection.vendor == "postgresql" else database()  # or the file beside it
    assert any(kind.startswith(stored_as) for kind in kinds)
    stored = [str(storage.originals().path(stored_name(each))) for each in Export.objects.all()]
    assert set(stored) <= kinds
    assert found_in_the_log(admin, "wyvern")

    erasure = erase(person, admin)
    call_command("seal_audit", stdout=io.StringIO())

    assert places(WORDS, tmp_path / "after") == set()
    assert not found_in_the_log(admin, "wyvern")
    assert not any(Path(path).exists() for path in stored)
    assert (erasure.runs, erasure.images) == (2, 1)
    assert sound(tmp_path)
    assert User.objects.get(pk=person.pk).name.startswith("Erased person")
    assert erasure.done_at - erasure.asked_at < timedelta(minutes=10)
