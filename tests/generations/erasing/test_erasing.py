"""What an erasure erases, what stops it, and how it goes on after a failure."""

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts import scrubbing, sessions
from accounts.audit import readings
from accounts.events import Event
from accounts.models import Notice, Reading, Record, RecordPayload
from generations import holds, storage, submission
from generations.erasing import asking, standing, steps, targets, work
from generations.erasing.troubles import ErasureRefused
from generations.forms.composer import prefilled_form
from generations.jobs import decisions
from generations.models import (
    Delivery,
    Erasure,
    FormerRendition,
    Image,
    Reference,
    Run,
    RunReference,
)
from generations.notice_kinds import ERASURE_LATE
from generations.readiness.watch import PATIENCE_SECONDS, Watch
from generations.reading.frames import frames_of
from generations.states import Status
from generations.storage import StorageAway
from generations.submission import SubmissionRefused
from tests.generations.factories import (
    make_finished_run,
    make_generation,
    make_pending_run,
    make_reference,
    make_run,
)
from tests.records import write

pytestmark = pytest.mark.django_db
scrub = scrubbing.scrub
DONE, CLEANING, STOPPED = (
    Erasure.Status.DONE,
    Erasure.Status.CLEANING,
    Erasure.Status.STOPPED,
)


@pytest.fixture(autouse=True)
def _scrubbed(monkeypatch):
    """VACUUM is no part of a test's transaction; `test_bytes` shows what it does."""
    monkeypatch.setattr(scrubbing, "scrub", lambda tables, since: None)


def ask(scope, row, actor, *, pictures=False):
    target = targets.target_of(scope, row.uuid, pictures=pictures)
    return asking.ask(target, reason="asked for by letter", actor=actor)


def work_on(erasure):
    """Let a worker take it, whatever it waits for."""
    Erasure.objects.filter(pk=erasure.pk).update(next_try_at=timezone.now())
    work.work()
    erasure.refresh_from_db()
    return erasure.status


def erase(scope, row, actor, **more):
    erasure = ask(scope, row, actor, **more)
    assert [work_on(erasure), work_on(erasure)] == [CLEANING, DONE]
    return erasure


def stored(image):
    """The names of those files of an image that exist, and of all that it has."""
    renditions = [row.name for row in image.renditions.all()]
    found = {name for name in renditions if storage.renditions().exists(name)}
    found |= {image.original_name} if storage.has_original(image.original_name) else set()
    return found, {image.original_name, *renditions}


def texts(records):
    return [row.payload.data for row in records if hasattr(row, "payload")]


@pytest.fixture
def run(alice):
    run = make_finished_run(alice, files=True, options={"negative_prompt": "fog", "seed": 7})
    run.generations.update(body=b"ridges at dawn", error_message="ridges?", task_urls={"a": "b"})
    about = {"actor": alice, "subject": run, "story": run.uuid}
    write(Event.RUN_SUBMITTED, personal={"prompt": "ridges", "negative_prompt": None}, **about)
    return run


class TestRun:
    def test_its_texts_are_gone_everywhere_and_records_say_so(self, run, alice, admin):
        erase("run", run, admin)
        run.refresh_from_db()
        generation = run.generations.get()
        assert (run.prompt, run.options) == ("[erased]", {"seed": 7})
        assert (run.content_digest, run.work_digest) == ("", "")
        assert (generation.body, generation.error_message, generation.task_urls) == (None, "", {})
        erased = Record.objects.get(event=Event.PERSONAL_ERASED)
        submitted = Record.objects.get(event=Event.RUN_SUBMITTED)
        assert erased.facts["records"] == [str(submitted.uuid)]
        assert (erased.actor, erased.story) == (admin, run.uuid)
        assert erased.payload.data == {"reason": "asked for by letter"}
        assert texts([submitted]) == [None]
        assert Record.objects.filter(event=Event.RUN_ERASED, story=run.uuid).exists()

    def test_without_images_only_the_originals_are_deleted(self, run, admin):
        image = run.images.get()
        erase("run", run, admin)
        found, every = stored(image)
        assert found == every - {image.original_name}

    def test_with_images_all_its_files_are_deleted_and_tombstones_stay(self, run, alice, admin):
        upload = make_reference(alice)
        RunReference.objects.create(run=run, reference=upload, position=0)
        image = run.images.prefetch_related("renditions").get()
        assert stored(image)[0] == stored(image)[1]
        erase("run", run, admin, pictures=True)
        assert stored(image)[0] == set()
        assert not storage.has_original(upload.name)
        image.refresh_from_db()
        assert image.erased_at
        assert image.hidden_at
        assert image.original_sha256
        [frame] = frames_of([run], viewer=alice)[run.pk]
        assert (frame.title, frame.src) == ("Erased", "")
        assert Reference.objects.get(pk=upload.pk).status == Reference.Status.REFUSED
        record = Record.objects.get(event=Event.IMAGE_ERASED)
        assert image.original_sha256 in record.facts["files"]

    def test_files_of_killed_workers_and_former_files_are_deleted_too(self, run, admin):
        image = run.images.first()
        storage.save_rendition(f"{image.uuid}/full-0123456789abcdef.png", b"of a killed worker")
        FormerRendition.objects.create(
            uuid=uuid.uuid4(),
            image=image,
            recipe="full",
            name=f"{image.uuid}/full-fedcba9876543210.png",
            bytes=1,
            label_version=1,
            made_at=image.created_at,
        )
        storage.save_rendition(image.former_renditions.get().name, b"of an older label")
        erase("run", run, admin, pictures=True)
        assert storage.renditions_in_storage(image.uuid) == []
        assert not image.former_renditions.filter(is_stored=True).exists()

    def test_an_upload_that_another_run_uses_stays(self, run, alice, admin):
        upload, other = make_reference(alice), make_run(alice)
        for each in (run, other):
            RunReference.objects.create(run=each, reference=upload, position=0)
        erase("run", run, admin, pictures=True)
        assert storage.has_original(upload.name)

    def test_it_cannot_be_tried_again_or_reused(self, alice, admin):
        run = make_run(alice, wanted=1)
        failed = make_generation(run, Status.FAILED)
        missed = {"index": 0, "url": "https://provider.example/1.png", "original_name": "given/up"}
        Delivery.objects.create(generation=failed, status=Delivery.Status.FAILED, **missed)
        erase("run", run, admin)
        assert decisions.fetch_again(failed, actor=admin) == 0
        with pytest.raises(SubmissionRefused, match="erased"):
            submission.try_again(run, actor=alice)
        assert not prefilled_form(alice, run=str(run.uuid))["prompt"].value()


class TestImage:
    def test_its_files_are_deleted_and_its_page_says_so(self, run, alice, admin, client):
        image = run.images.prefetch_related("renditions").get()
        erase("image", image, admin)
        assert stored(image)[0] == set()
        run.refresh_from_db()
        assert run.prompt != "[erased]"
        client.force_login(alice)
        page = client.get(f"/images/{image.uuid}/")
        assert (page.status_code, "erased" in page.content.decode()) == (410, True)


class TestPerson:
    def test_has_to_be_deactivated_first(self, alice, admin):
        with pytest.raises(ErasureRefused, match="still_active"):
            ask("person", alice, admin)

    def test_name_address_rights_and_sessions_are_gone(self, alice, admin, sign_in):
        sign_in(alice)
        sessions.UserSession.objects.all().delete()
        readings.note_prompts_seen(admin, [alice.pk], where="studio")
        deactivate(alice)
        erase("person", alice, admin)
        alice.refresh_from_db()
        assert not Reading.objects.exists()
        assert str(alice).startswith("Erased person")
        assert alice.email.endswith("@erased.invalid")
        assert not alice.has_usable_password()
        assert not alice.groups.exists()
        assert not sessions.Session.objects.exists()
        about = Record.objects.filter(actor=alice)
        assert not RecordPayload.objects.filter(record__in=about, data__isnull=False).exists()


def deactivate(person):
    person.is_active = False
    person.save()


class TestWhatStopsIt:
    def test_images_on_their_way(self, alice, admin):
        pending = make_pending_run(alice)
        with pytest.raises(ErasureRefused, match="unfinished"):
            ask("run", pending, admin)
        late = make_run(alice)
        hour = timezone.now() + timedelta(hours=1)
        make_generation(late, Status.FAILED, may_arrive_until=hour)
        with pytest.raises(ErasureRefused, match="unfinished"):
            ask("run", late, admin)

    @pytest.mark.parametrize("scope", ["person", "run", "image"])
    def test_a_hold_on_any_part(self, run, alice, admin, scope):
        held = {"person": alice, "run": run, "image": run.images.get()}[scope]
        hold = holds.place(scope, held, reason="a dispute", actor=admin)
        deactivate(alice)
        for kind, row in (("person", alice), ("run", run), ("image", run.images.get())):
            with pytest.raises(ErasureRefused, match="held"):
                ask(kind, row, admin)
        assert holds.lift(hold, reason="settled", actor=admin)
        ask("run", run, admin)
        events = Record.objects.filter(event__in=[Event.HOLD_PLACED, Event.HOLD_LIFTED])
        assert texts(events.order_by("pk")) == [{"reason": "a dispute"}, {"reason": "settled"}]

    def test_a_hold_that_is_placed_while_it_waits(self, run, admin):
        erasure = ask("run", run, admin)
        hold = holds.place("run", run, reason="a dispute", actor=admin)
        assert work_on(erasure) == STOPPED
        assert Run.objects.get(pk=run.pk).prompt == run.prompt
        assert storage.has_original(run.images.get().original_name)
        assert "hold" in standing.why_late()
        assert Record.objects.get(event=Event.ERASURE_STOPPED).facts["why"] == "held"
        holds.lift(hold, reason="settled", actor=admin)
        assert work.resume(erasure, actor=admin)
        assert Record.objects.get(event=Event.ERASURE_RESUMED).actor == admin
        assert not work.resume(erasure, actor=admin)
        assert work_on(erasure) == CLEANING

    def test_the_same_is_not_asked_twice(self, run, admin):
        ask("run", run, admin)
        with pytest.raises(asking.AlreadyAsked):
            ask("run", run, admin)


class TestTrouble:
    @pytest.mark.parametrize("nth", range(1, 6))
    def test_a_worker_that_dies_in_any_step_is_followed_by_another(
        self, run, admin, monkeypatch, nth
    ):
        erasure = ask("run", run, admin, pictures=True)
        real = list(steps.steps_of(erasure))
        broken = [*real[: nth - 1], dies]
        with monkeypatch.context() as patch:
            patch.setattr(work, "steps_of", lambda _erasure: broken)
            with pytest.raises(Killed):
                work_on(erasure)
        before = timezone.now()
        assert not work.work()  # it is left to the dead worker for a while
        Erasure.objects.filter(pk=erasure.pk).update(next_try_at=before)
        assert work_on(erasure) == CLEANING
        assert Image.objects.get(run=run).original_name == ""
        counted = Record.objects.filter(event=Event.PERSONAL_ERASED)
        assert sum(len(each.facts["records"]) for each in counted) == 1

    def test_storage_that_is_away_is_waited_for(self, run, admin, monkeypatch):
        erasure = ask("run", run, admin)
        with monkeypatch.context() as patch:
            patch.setattr(storage.originals(), "delete", away)
            assert work_on(erasure) == Erasure.Status.EMPTYING
        assert (erasure.trouble, erasure.tries) == ("storage_away", 1)
        assert work_on(erasure) == CLEANING

    def test_it_ends_after_many_tries_and_somebody_is_told(self, run, admin, monkeypatch):
        monkeypatch.setattr(work, "steps_of", away)
        erasure = ask("run", run, admin)
        assert standing.why_late() is None
        Erasure.objects.update(tries=work.MOST_TRIES - 1)
        erasure.refresh_from_db()
        assert work_on(erasure) == STOPPED
        assert "storage" in standing.why_late()

    def test_one_that_does_not_move_is_told(self, run, admin):
        ask("run", run, admin)
        Erasure.objects.update(moved_at=timezone.now() - timedelta(minutes=16))
        assert standing.why_late() == ""
        watch = Watch()
        for moment in (0, PATIENCE_SECONDS):
            watch.look_at(moment)
        assert Notice.objects.filter(kind=ERASURE_LATE.name, ended_at=None).count() == 1

    def test_a_busy_database_is_waited_for(self, run, admin, monkeypatch):
        erasure = ask("run", run, admin)
        work_on(erasure)
        for error in (scrubbing.NotYet(scrubbing.BUSY), DatabaseError("locked")):
            monkeypatch.setattr(scrubbing, "scrub", raiser(error))
            assert work_on(erasure) == CLEANING
            assert erasure.trouble == "database_busy"


class Killed(BaseException):
    """Ends a worker at once, as a signal does."""


def dies():
    raise Killed


def away(*_args):
    raise StorageAway("away")


def raiser(error):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles")
def test_the_running_role_leaves_old_rows_to_the_owner():
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE erase_test_run")
        cursor.execute("SET LOCAL ROLE erase_test_run")
        with pytest.raises(scrubbing.NotYet, match="needs_owner"):
            scrub(work.tables(), since=timezone.now())
        cursor.execute("RESET ROLE")
