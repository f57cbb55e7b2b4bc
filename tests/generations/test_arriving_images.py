"""Images on their way to storage: every trouble ends, and the studio's own costs no image."""

import errno
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts import ledger
from accounts.events import Event
from accounts.models import Record
from generations import live, storage, submission
from generations.jobs import decisions, dispatch
from generations.jobs.execution import accidents, arriving, delivering, renditions
from generations.labelling import LabelFailed
from generations.models import Delivery, Price
from generations.providers import fetching
from generations.providers.errors import FetchFailed
from generations.providers.types import InlineImage, RemoteImage, Result
from generations.states import Status
from tests.generations.asking import DEMO, ask
from tests.generations.factories import image_file

pytestmark = pytest.mark.django_db

LINK = RemoteImage("https://cdn.example/1.png")
# At 2K in 3:2: much smaller than asked for, but still usable.
USABLE = image_file((750, 500))


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PROVIDER_TIME_SCALE = 0.001


@pytest.fixture
def arrived(alice):
    """`arrived(*images)`: a generation whose answer has just been accepted."""

    def arrived(*images):
        run = ask(alice, DEMO, 1, resolution="2K", aspect_ratio="3:2")
        generation = dispatch.claim_next("worker")
        assert arriving.accept(generation, Result(images=images))
        assert generation.run == run
        return generation

    return arrived


def fetched_as(monkeypatch, *outcomes):
    """Let fetches end with these outcomes in turn; the last one repeats."""
    left = list(outcomes)

    def fetch(_url, **_more):
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(fetching, "fetch", fetch)


def work(generation, rounds):
    """Do all work that is due, `rounds` times, with all waits over. Return the generation."""
    for _ in range(rounds):
        due = Delivery.objects.exclude(status__in=delivering.FINAL)
        due.update(next_action_at=timezone.now())
        for pk in due.values_list("pk", flat=True):
            delivering.fetch(pk, "worker")
            delivering.label_and_store(pk, "worker")
    generation.refresh_from_db()
    return generation


@pytest.mark.parametrize("image", [LINK, InlineImage(USABLE)], ids=["to fetch", "to label"])
def test_an_image_that_one_worker_holds_is_not_touched_by_another(arrived, image):
    generation = arrived(image)
    Delivery.objects.update(claimed_by="another")
    before = Delivery.objects.values().get()
    work(generation, 1)
    after = Delivery.objects.values().get()
    assert after | {"next_action_at": None} == before | {"next_action_at": None}


def test_each_image_shows_itself_as_soon_as_it_is_stored(
    arrived, alice, django_capture_on_commit_callbacks
):
    generation = arrived(InlineImage(USABLE), LINK)
    tag = live.tag(alice.pk)
    with django_capture_on_commit_callbacks(execute=True):
        delivering.label_and_store(generation.deliveries.get(index=0).pk, "worker")
    generation.refresh_from_db()
    assert generation.status == Status.STORING
    assert live.tag(alice.pk) != tag


class TestFaults:
    @pytest.mark.parametrize(
        "error", [FetchFailed(final=False), ValueError("x"), UnicodeError(), RecursionError()]
    )
    def test_a_fetch_is_tried_so_often_whatever_it_raises(self, arrived, alice, monkeypatch, error):
        fetched_as(monkeypatch, error)
        generation = work(arrived(LINK), delivering.MAX_TRIES - 1)
        assert generation.status == Status.STORING
        generation = work(generation, 1)
        assert (generation.status, generation.error_code) == (Status.FAILED, "image_unreachable")
        assert ledger.balance(alice).reserved == ledger.balance(alice).spent == 0

    def test_a_malformed_link_ends(self, arrived):
        generation = arrived(RemoteImage("https://0177.0.0.1/x.png"))
        generation = work(generation, delivering.MAX_TRIES)
        assert (generation.status, generation.error_code) == (Status.FAILED, "image_unreachable")

    def test_no_link_is_logged(self, arrived, monkeypatch, caplog):
        fetched_as(monkeypatch, ValueError("https://cdn.example/secret.png"))
        work(arrived(LINK), 1)
        assert caplog.messages
        assert "secret" not in caplog.text

    @pytest.mark.parametrize(("error", "traces"), [(FetchFailed(final=False), 0), (KeyError(), 1)])
    def test_only_what_nobody_foresaw_leaves_a_trace_in_the_log(
        self, arrived, monkeypatch, caplog, error, traces
    ):
        monkeypatch.setattr(storage, "save_original", _raising(error))
        fetched_as(monkeypatch, USABLE)
        work(arrived(LINK), 1)
        assert len([record for record in caplog.records if record.exc_info]) == traces

    def test_labelling_is_tried_so_often_whatever_it_raises(self, arrived, monkeypatch):
        def broken(*_given, **_more):
            raise KeyError("nobody foresaw this")

        monkeypatch.setattr(renditions, "label", broken)
        generation = work(arrived(InlineImage(USABLE)), delivering.MAX_TRIES)
        assert (generation.status, generation.error_code) == (Status.FAILED, "label_failed")

    def test_a_label_that_could_not_be_proven_gives_the_image_up_at_once(
        self, arrived, monkeypatch, alice
    ):
        monkeypatch.setattr(renditions, "label", _raising(LabelFailed("no proof")))
        generation = work(arrived(InlineImage(USABLE)), 1)
        assert (generation.status, generation.error_code) == (Status.FAILED, "label_failed")
        assert not generation.run.images.exists()
        assert ledger.balance(alice).spent == 0

    def test_what_could_not_be_labelled_is_labelled_when_an_admin_asks(
        self, arrived, monkeypatch, alice, admin
    ):
        def broken(*_given, **_more):
            raise KeyError("nobody foresaw this")

        with monkeypatch.context() as patch:
            patch.setattr(renditions, "label", broken)
            generation = work(arrived(InlineImage(USABLE)), delivering.MAX_TRIES)
        assert decisions.fetch_again(generation, actor=admin) == 1
        assert work(generation, 2).delivered == 1
        assert ledger.balance(alice).spent == 0

    def test_a_failed_fetch_long_after_the_answer_is_tried_again(self, arrived, monkeypatch):
        """The studio was stopped in between, and only tries count, not time."""
        generation = arrived(LINK)
        long_ago = timezone.now() - timedelta(hours=5)
        Delivery.objects.update(created_at=long_ago)
        fetched_as(monkeypatch, FetchFailed(final=False), USABLE)
        assert work(generation, 2).status == Status.SUCCEEDED

    def test_a_link_is_not_tried_beyond_its_life(self, arrived, monkeypatch):
        generation = arrived(LINK)
        Delivery.objects.update(expires_at=timezone.now())
        fetched_as(monkeypatch, FetchFailed(final=False))
        assert work(generation, 1).status == Status.FAILED

    @pytest.mark.parametrize("year", [1970, 2098])
    def test_the_life_of_a_link_is_bounded(self, arrived, year):
        arrived(RemoteImage(LINK.url, datetime(year, 1, 1, tzinfo=UTC)))
        [expires_at] = Delivery.objects.values_list("expires_at", flat=True)
        most = timezone.now() + arriving.LONGEST_LINK_LIFE
        assert expires_at is None or timezone.now() < expires_at <= most


OURS = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EIO, "Input/output error"),
    OperationalError("server closed the connection unexpectedly"),
    storage.StorageAway("EndpointConnectionError"),
    MemoryError(),
]


class TestAccidentsOfOurOwn:
    @pytest.mark.parametrize("error", OURS)
    @pytest.mark.parametrize("place", ["save_original", "save_rendition"])
    def test_are_waited_out_and_cost_no_image(self, arrived, monkeypatch, error, place):
        fetched_as(monkeypatch, USABLE)
        generation = arrived(LINK)
        with monkeypatch.context() as patch:
            patch.setattr(storage, place, _raising(error))
            generation = work(generation, delivering.MAX_TRIES + 5)
        assert generation.status == Status.STORING
        delivery = generation.deliveries.get()
        assert (delivery.tries, delivery.accidents) == (0, delivering.MAX_TRIES + 5)
        assert work(generation, 2).status == Status.SUCCEEDED

    def test_have_an_end_too_and_keep_the_original(self, arrived, monkeypatch, alice, admin):
        monkeypatch.setattr(delivering, "MAX_ACCIDENTS", 3)
        generation = arrived(InlineImage(USABLE))
        with monkeypatch.context() as patch:
            patch.setattr(storage, "save_rendition", _raising(OURS[0]))
            generation = work(generation, 3)
        assert (generation.status, generation.error_code) == (Status.FAILED, "label_failed")
        assert Record.objects.get(event=Event.IMAGE_MISSED).facts["original_kept"]
        assert decisions.fetch_again(generation, actor=admin) == 1
        assert work(generation, 2).delivered == 1

    def test_storage_that_stays_away_ends_with_nothing_known_of_the_original(
        self, arrived, monkeypatch
    ):
        monkeypatch.setattr(delivering, "MAX_ACCIDENTS", 1)
        monkeypatch.setattr(storage, "has_original", _raising(storage.StorageAway("away")))
        assert work(arrived(LINK), 1).status == Status.FAILED
        assert Record.objects.get(event=Event.IMAGE_MISSED).facts["original_kept"] is None

    def test_are_waited_out_for_twice_as_long_each_time(self, arrived, monkeypatch, settings):
        settings.PROVIDER_TIME_SCALE = 1_000
        monkeypatch.setattr(storage, "save_rendition", _raising(OURS[0]))
        generation = arrived(InlineImage(USABLE))
        for seconds in (1_000, 2_000, 4_000):
            before = timezone.now()
            work(generation, 1)
            assert generation.deliveries.get().next_action_at >= before + timedelta(seconds=seconds)

    def test_are_counted_anew_for_each_step(self, arrived, monkeypatch):
        fetched_as(monkeypatch, USABLE)
        generation = arrived(LINK)
        with monkeypatch.context() as patch:
            patch.setattr(storage, "save_original", _raising(OURS[0]))
            work(generation, 3)
        delivering.fetch(_due(generation), "worker")
        delivery = generation.deliveries.get()
        assert (delivery.status, delivery.tries, delivery.accidents) == ("fetched", 0, 0)

    def test_other_errors_are_not_the_studios_own(self):
        assert not accidents.is_ours(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
        assert not accidents.is_ours(FileNotFoundError(errno.ENOENT, "gone"))
        assert not accidents.is_ours(ValueError())


class TestWhatIsStored:
    def test_the_row_and_the_record_tell_of_the_file(self, arrived):
        generation = work(arrived(InlineImage(USABLE)), 1)
        image = generation.run.images.get()
        assert (image.format, image.width, image.height) == ("PNG", 750, 500)
        assert (image.bytes, image.original_sha256) == (len(USABLE), sha256(USABLE).hexdigest())
        assert (image.position, image.team) == (0, generation.run.team)
        record = Record.objects.get(event=Event.IMAGE_STORED)
        assert (record.subject_id, record.story) == (image.uuid, generation.run.uuid)
        files = {row.recipe: row.sha256 for row in image.renditions.all()}
        assert record.facts == {
            "generation": str(generation.uuid),
            "position": 0,
            "width": 750,
            "height": 500,
            "format": "PNG",
            "model": generation.model,
            "original_sha256": image.original_sha256,
            "renditions": files,
            "files": record.facts["files"],
            "label": record.facts["label"],
            "arrived_with": image.arrived_with,
            "label_version": image.renditions.first().label_version,
            "story": str(generation.run.uuid),
        }

    def test_its_label_names_the_engine_even_when_that_is_gone(self, arrived):
        generation = work(arrived(InlineImage(USABLE)), 1)
        image = generation.run.images.get()
        generation.model, generation.run.engine = "", "gone/engine"
        facts = renditions.label_facts(generation, image)
        assert (facts.image_id, facts.system) == (str(image.uuid), "gone/engine")
        assert facts.system_version == ""


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("0", "0"),
        ("0.01", "0.01"),
        (str(arriving.MOST_USD), str(arriving.MOST_USD)),
        ("-0.01", "0.07"),
        (str(arriving.MOST_USD + 1), "0.07"),
        ("NaN", "0.07"),
        (None, "0.07"),
    ],
)
def test_the_cost_is_the_providers_own_figure_if_that_can_be(alice, told, kept):
    Price.objects.update(cost_usd=Decimal("0.07"))
    ask(alice, DEMO, 1)
    generation = dispatch.claim_next("worker")
    images = (InlineImage(USABLE),)
    arriving.accept(generation, Result(images=images, cost_usd=told and Decimal(told)))
    generation.refresh_from_db()
    assert generation.cost_usd == Decimal(kept)


class TestWhatIsNoImage:
    @pytest.mark.parametrize("size", [(1, 1), (16, 16), (2000, 40), (160, 100)])
    def test_one_far_smaller_than_asked_for_is_kept_and_not_charged(self, arrived, alice, size):
        generation = work(arrived(InlineImage(image_file(size))), 2)
        assert (generation.status, generation.error_code) == (Status.FAILED, "image_invalid")
        assert ledger.balance(alice).spent == 0
        assert storage.has_original(generation.deliveries.get().original_name)

    def test_a_smaller_one_is_delivered(self, arrived):
        assert work(arrived(InlineImage(USABLE)), 2).status == Status.SUCCEEDED

    @pytest.mark.parametrize("data", [b"<svg/>", USABLE[:-40]])
    def test_a_file_that_is_refused_is_kept_with_the_reason(self, arrived, monkeypatch, data):
        fetched_as(monkeypatch, data)
        generation = work(arrived(LINK), delivering.MAX_TRIES + 1)
        assert (generation.status, generation.error_code) == (Status.FAILED, "image_invalid")
        name = generation.deliveries.get().original_name
        assert storage.read(storage.originals(), name) == data
        facts = Record.objects.get(event=Event.IMAGE_MISSED).facts
        assert (facts["error"], facts["original_kept"]) == ("image_invalid", True)


@pytest.mark.parametrize("image", [LINK, InlineImage(USABLE)])
def test_an_image_that_a_worker_holds_is_left_to_it(arrived, monkeypatch, image):
    fetched_as(monkeypatch, USABLE)
    generation = arrived(image)
    before = generation.deliveries.get().status
    generation.deliveries.update(claimed_by="another")
    work(generation, 1)
    delivery = generation.deliveries.get()
    assert (delivery.status, delivery.claimed_by, delivery.tries) == (before, "another", 0)


def test_a_worker_whose_claim_was_freed_stores_nothing(arrived, monkeypatch):
    generation = arrived(InlineImage(USABLE))
    make = renditions.make

    def label_too_slowly(delivery, original):
        generation.deliveries.update(claimed_by="another")
        return make(delivery, original)

    monkeypatch.setattr(renditions, "make", label_too_slowly)
    generation = work(generation, 1)
    assert (generation.status, generation.delivered) == (Status.STORING, 0)
    assert not generation.run.images.exists()
    assert not Record.objects.filter(event=Event.IMAGE_STORED).exists()


def test_an_extra_image_takes_no_position_of_another_request(arrived, alice, admin, monkeypatch):
    """The extra image was given up, asked for again, and then fetched after all."""
    fetched_as(monkeypatch, FetchFailed(final=True), USABLE)
    first = work(arrived(LINK), 1)
    run = submission.try_again(first.run, actor=alice)
    second = dispatch.claim_next("worker")
    assert second.position == first.position == 0
    decisions.fetch_again(first, actor=admin)
    work(first, 1)
    arriving.accept(second, Result(images=(InlineImage(USABLE),)))
    work(second, 1)
    places = {image.generation_id: image.position for image in run.images.all()}
    assert places == {first.pk: 1, second.pk: 0}


def _raising(error):
    def refuse(*_given, **_more):
        raise error

    return refuse


def _due(generation):
    generation.deliveries.update(next_action_at=timezone.now())
    return generation.deliveries.get().pk
