"""A request only looks at an upload. A worker decodes and cleans it before anything is sent."""

import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Picture

from accounts import ledger
from accounts.events import Event
from accounts.models import Record
from generations import live, storage, submission
from generations.jobs import dispatch, hints, recovery
from generations.jobs.execution import preparing
from generations.models import Generation, Reference, Run
from generations.reading.frames import frames_of
from generations.states import RunStatus
from generations.submission import SubmissionRefused
from tests.generations.asking import ask, prepare_uploads, request, upload
from tests.generations.factories import image_file, make_reference

pytestmark = pytest.mark.django_db

WORKER = "worker"


def photo(size=(400, 300)) -> bytes:
    """A JPEG that says where it was taken, held sideways."""
    file = io.BytesIO()
    exif = Picture.Exif()
    exif[0x0112] = 6  # Orientation
    exif[0x010E] = "taken at home"
    Picture.new("RGB", size, "teal").save(file, "JPEG", exif=exif)
    return file.getvalue()


def damaged() -> bytes:
    """A PNG with a sound header and end, but with damaged pixels."""
    data = bytearray(image_file((400, 300)))
    middle = data.index(b"IDAT") + 8
    data[middle : middle + 40] = bytes(40)
    return bytes(data)


def stored(reference: Reference) -> bool:
    name = storage.upload_name(reference.upload_sha256)
    return storage.originals().exists(name)


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    """Files are known by their content, so those of other tests would be found again."""
    here = {"BACKEND": "generations.storage.AtomicFileSystemStorage"}
    here |= {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "originals": here}


@pytest.fixture
def run(alice) -> Run:
    return ask(alice, num_images=2, references=[upload(photo())])


@pytest.fixture
def reference(run) -> Reference:
    return Reference.objects.get()


@pytest.fixture
def broken(monkeypatch):
    """`broken(error)`: from now on cleaning an image raises `error`."""

    def broken(error):
        def clean(data):
            raise error

        monkeypatch.setattr(preparing, "clean_reference", clean)

    return broken


def try_to_prepare(reference):
    Reference.objects.update(next_action_at=timezone.now())
    with pytest.raises(Exception):  # noqa: B017, PT011  # whatever it was goes to the log
        preparing.prepare(reference.pk, WORKER)
    reference.refresh_from_db()


class TestBeforeItIsCleaned:
    def test_the_upload_is_kept_and_nothing_of_it_is_shown(self, reference, sign_in, alice):
        assert (reference.status, reference.name, reference.sha256) == ("pending", "", "")
        assert stored(reference)
        assert sign_in(alice).get(reverse("reference", args=[reference.uuid])).status_code == 404

    def test_no_worker_can_claim_its_run(self, run):
        assert dispatch.claim_next(WORKER) is None
        assert not run.generations.filter(preparing_since=None).exists()

    def test_the_card_says_what_it_waits_for(self, run, alice):
        shown = frames_of([run], viewer=alice)[run.pk]
        assert {frame.title for frame in shown} == {"Preparing your reference"}

    def test_the_composer_shows_a_place_for_it(self, run, reference, alice, sign_in):
        page = sign_in(alice).get(reverse("studio"), {"reuse": run.uuid}).content.decode()
        assert f'name="references" value="{reference.uuid}"' in page
        assert "Reference 1, being prepared" in page
        assert reverse("reference", args=[reference.uuid]) not in page

    def test_the_same_press_twice_gives_the_first_run(self, alice):
        first = request(references=[upload(photo())])
        again = request(references=[upload(photo())], key=first.idempotency_key)
        assert submission.submit(alice, first) == submission.submit(alice, again)
        assert Reference.objects.count() == 1

    def test_it_may_be_cancelled(self, run, alice):
        for generation in run.generations.select_related("run", "price"):
            assert submission.cancel(generation, actor=alice)
        prepare_uploads()
        run.refresh_from_db()
        assert run.status == RunStatus.CANCELLED

    def test_more_pixels_than_one_request_may_bring_are_refused_in_words(self, alice, monkeypatch):
        monkeypatch.setattr("generations.submission.uploading.MAX_PIXELS_TOGETHER", 2_000_000)
        with pytest.raises(SubmissionRefused, match=r"3 million .* the 2 million") as refusal:
            ask(alice, references=[upload(image_file((1000, 1000)))] * 3)
        assert refusal.value.field == "references"
        assert not Reference.objects.exists()


class TestCleaning:
    def test_tells_the_workers_and_the_page_that_the_run_may_be_sent(
        self, run, alice, monkeypatch, django_capture_on_commit_callbacks
    ):
        hinted, tag = [], live.tag(alice.pk)
        monkeypatch.setattr(hints, "hint", hinted.append)
        with django_capture_on_commit_callbacks(execute=True):
            prepare_uploads()
        assert hints.SUBMIT in hinted
        assert live.tag(alice.pk) != tag

    def test_removes_metadata_and_releases_the_run(self, run, reference):
        prepare_uploads()
        reference.refresh_from_db()
        assert (reference.status, reference.width, reference.height) == ("ready", 300, 400)
        clean = storage.read(storage.originals(), reference.name)
        assert b"taken at home" not in clean
        assert dispatch.claim_next(WORKER).run == run

    def test_deletes_the_upload(self, reference):
        prepare_uploads()
        assert not stored(reference)

    def test_is_on_the_record_with_both_hashes(self, reference):
        prepare_uploads()
        reference.refresh_from_db()
        facts = Record.objects.get(event=Event.REFERENCE_CLEANED).facts
        assert facts["upload_sha256"] == reference.upload_sha256
        assert facts["sha256"] == reference.sha256

    def test_the_upload_itself_is_on_the_record_before(self, run, reference, alice):
        record = Record.objects.get(event=Event.REFERENCE_UPLOADED)
        assert (record.actor, record.subject_id) == (alice, reference.uuid)
        assert record.facts == {"sha256": reference.upload_sha256, "rights": "own"}

    def test_a_second_upload_of_the_same_bytes_names_the_clean_copy(self, run, reference, alice):
        prepare_uploads()
        licensed = upload(photo(), rights="licensed", licence="Agency, order 7")
        licensed.file.name = "home.jpg"
        ask(alice, num_images=1, references=[licensed])
        reference.refresh_from_db()
        record = Record.objects.filter(event=Event.REFERENCE_UPLOADED).latest("pk")
        assert record.facts["clean_sha256"] == reference.sha256
        assert record.payload.data == {"file_name": "home.jpg", "licence": "Agency, order 7"}

    def test_waits_for_every_reference_of_a_run(self, alice):
        files = [upload(image_file((400, side))) for side in (300, 310)]
        ask(alice, num_images=1, references=files)
        preparing.prepare(preparing.due().first().pk, WORKER)
        assert dispatch.claim_next(WORKER) is None
        prepare_uploads()
        assert dispatch.claim_next(WORKER)

    def test_happens_once_for_the_same_file_twice(self, alice, broken):
        ask(alice, num_images=1, references=[upload(photo()), upload(photo())])
        preparing.prepare(preparing.due().first().pk, WORKER)
        broken(AssertionError("cleaned a second time"))
        prepare_uploads()
        assert {row.status for row in Reference.objects.all()} == {"ready"}
        assert dispatch.claim_next(WORKER)

    def test_is_not_needed_for_bytes_that_the_team_has(self, run, bob):
        prepare_uploads()
        again = ask(bob, num_images=1, references=[upload(photo())])
        assert not preparing.due().exists()
        assert not again.generations.exclude(preparing_since=None).exists()

    def test_a_reference_that_is_being_cleaned_holds_a_second_run_too(self, run, reference, alice):
        second = ask(alice, num_images=1, references=[reference])
        assert second.generations.get().preparing_since
        prepare_uploads()
        assert not Generation.objects.exclude(preparing_since=None).exists()


class TestOfNoUse:
    @pytest.fixture
    def run(self, alice) -> Run:
        return ask(alice, num_images=2, references=[upload(damaged())])

    def test_ends_the_run_with_the_credits_back_and_the_reason_in_words(self, run, alice):
        prepare_uploads()
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED
        assert {row.error_code for row in run.generations.all()} == {"reference_rejected"}
        assert ledger.balance(alice).left == ledger.balance(alice).limit_total
        frame = frames_of([run], viewer=alice)[run.pk][0]
        assert frame.title == "A reference could not be used."
        assert "The image is damaged" in frame.note

    def test_deletes_the_upload(self, run, reference):
        prepare_uploads()
        assert not stored(reference)

    def test_is_not_tried_again(self, run, alice):
        prepare_uploads()
        run.refresh_from_db()
        with pytest.raises(SubmissionRefused, match="The image is damaged"):
            submission.try_again(run, actor=alice)

    def test_ends_another_upload_of_the_same_bytes_whose_file_is_gone(self, run, bob):
        prepare_uploads()
        second = ask(bob, num_images=1, references=[upload(damaged())])
        storage.originals().delete(storage.upload_name(Reference.objects.last().upload_sha256))
        prepare_uploads()
        second.refresh_from_db()
        assert second.status == RunStatus.FAILED


class TestTrouble:
    def test_a_full_disk_uses_up_no_try_and_is_waited_out(self, run, reference, monkeypatch):
        def full(*args):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(storage.AtomicFileSystemStorage, "_save", full)
            for _time in range(2 * preparing.MAX_TRIES):
                try_to_prepare(reference)
        assert (reference.tries, reference.claimed_by) == (0, "")
        Reference.objects.update(next_action_at=timezone.now())
        prepare_uploads()
        assert dispatch.claim_next(WORKER)

    @pytest.mark.parametrize("error", [ZeroDivisionError(), ValueError(), OSError("encoder")])
    def test_an_error_nobody_foresaw_is_tried_a_few_times(self, run, reference, broken, error):
        broken(error)
        for _time in range(preparing.MAX_TRIES):
            try_to_prepare(reference)
        Reference.objects.update(next_action_at=timezone.now())
        prepare_uploads()
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED

    def test_a_file_that_is_lost_is_looked_for_a_few_times(self, run, reference):
        storage.originals().delete(storage.upload_name(reference.upload_sha256))
        try_to_prepare(reference)
        assert (reference.tries, reference.claimed_by) == (1, "")
        assert reference.next_action_at > timezone.now()

    def test_one_that_another_worker_cleans_is_left_alone(self, reference, broken):
        broken(ZeroDivisionError())
        Reference.objects.update(claimed_by="another")
        preparing.prepare(reference.pk, WORKER)
        reference.refresh_from_db()
        assert (reference.tries, reference.claimed_by) == (0, "another")

    def test_a_worker_whose_claim_was_freed_leaves_the_next_ones_alone(
        self, reference, monkeypatch
    ):
        def lose_the_claim(data):
            Reference.objects.update(claimed_by="another")
            raise ZeroDivisionError

        monkeypatch.setattr(preparing, "clean_reference", lose_the_claim)
        try_to_prepare(reference)
        assert (reference.tries, reference.claimed_by) == (1, "another")

    def test_an_accident_that_lasts_a_day_ends_the_wait(self, run, broken):
        broken(MemoryError())
        Reference.objects.update(created_at=timezone.now() - preparing.PATIENCE)
        prepare_uploads()
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED

    def test_the_claim_of_a_dead_worker_is_set_free(self, run, reference):
        Reference.objects.update(claimed_by="of a worker that is gone")
        recovery.recover()
        prepare_uploads()
        assert dispatch.claim_next(WORKER)

    def test_a_worker_that_died_after_cleaning_keeps_no_run_waiting(self, run, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(preparing, "settle_waiting", lambda among: 0)
            prepare_uploads()
        assert dispatch.claim_next(WORKER) is None
        recovery.recover()
        assert dispatch.claim_next(WORKER)

    def test_a_bad_row_delays_no_other(self, run, monkeypatch):
        first, second = run.generations.order_by("pk")
        let_go = preparing._let_go

        def trouble(generation):
            if generation == first:
                raise ZeroDivisionError
            return let_go(generation)

        monkeypatch.setattr(preparing, "_let_go", trouble)
        prepare_uploads()
        assert dispatch.claim_next(WORKER) == second


class TestLeftOvers:
    def test_an_upload_without_a_reference_is_swept_after_a_while(self, alice):
        given = upload(photo())
        storage.save_upload(given.sha256, given.file)
        assert preparing.sweep_uploads() == 0
        age(timedelta(hours=2))
        assert preparing.sweep_uploads() == 1
        assert not storage.originals().exists(storage.upload_name(given.sha256))

    def test_one_that_is_to_be_cleaned_stays(self, reference):
        age(timedelta(days=2))
        assert preparing.sweep_uploads() == 0
        assert stored(reference)

    def test_without_uploads_there_is_nothing_to_do(self, alice):
        make_reference(alice)
        assert preparing.sweep_uploads() == 0


def age(by):
    """Make every upload look older."""
    moment = (timezone.now() - by).timestamp()
    for file in Path(storage.originals().path(storage.UPLOADS)).iterdir():
        os.utime(file, (moment, moment))
