"""Images in other sizes and formats: offered, asked for once, made, labelled, recorded, deleted."""

import hashlib
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations import conversions, holds, label_reading, notice_kinds, storage
from generations.conversions import ConversionRefused, sizes_of
from generations.erasing import asking as erasing
from generations.erasing import targets
from generations.erasing import work as erasing_work
from generations.jobs.execution import converting, relabelling
from generations.labelling.inspecting.verdict import faults
from generations.models import Conversion, Image, LegalHold
from generations.readiness.watch import _observations
from generations.reading import inspection
from generations.relabelling import asking as relabel
from tests.generations.factories import make_conversion, make_finished_run

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
State = Conversion.State


@pytest.fixture
def image(alice):
    return make_finished_run(alice, files=True).images.get()


@pytest.fixture
def large(alice):
    """An image whose longest side is larger than one that is offered."""
    return make_finished_run(alice, files=True, size=(1200, 300)).images.get()


def make_all(worker="worker"):
    for row in converting.due():
        converting.convert(row.pk, worker)


def content_of(row):
    return storage.read(storage.renditions(), row.name)


class TestWhatIsOffered:
    @pytest.mark.parametrize(
        ("size", "offered"),
        [
            ((96, 64), ["96×64"]),
            ((1080, 700), ["1080×700"]),
            ((2048, 1024), ["2048×1024", "1080×540"]),
            ((2000, 4000), ["2000×4000", "1024×2048", "540×1080"]),
            ((4096, 1), ["4096×1", "2048×1", "1080×1"]),
        ],
    )
    def test_is_never_larger_than_the_image(self, size, offered):
        sizes = sizes_of(Image(width=size[0], height=size[1]))
        assert [f"{each.width}×{each.height}" for each in sizes] == offered

    @pytest.mark.parametrize(
        ("size", "image_format"),
        [("2048", "JPEG"), ("", "PNG"), ("original", "GIF"), ("\x00", "PNG"), ("9" * 999, "PNG")],
    )
    def test_nothing_else_is_made(self, image, alice, sign_in, size, image_format):
        address = reverse("image-convert", args=[image.uuid])
        response = sign_in(alice).post(address, {"size": size, "format": image_format})
        assert response.status_code == 422
        assert "Choose one of the sizes" in response.content.decode()
        assert not Conversion.objects.exists()

    def test_a_team_has_so_many_at_a_time(self, image, alice, monkeypatch):
        monkeypatch.setattr(conversions, "MOST_WAITING", 1)
        conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        with pytest.raises(ConversionRefused, match="1 files of your team"):
            conversions.ask(image, size="original", image_format="JPEG", actor=alice)


class TestMaking:
    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    def test_a_smaller_file_has_every_label(self, large, alice, image_format, settings, tmp_path):
        settings.LABEL_SIGNING, settings.DATA_DIR = True, tmp_path
        conversions.ask(large, size="1080", image_format=image_format, actor=alice)
        make_all()
        row = Conversion.objects.get()
        assert (row.state, row.width, row.height) == (State.READY, 1080, 270)
        layers = label_reading.look(content_of(row))
        assert (layers.format, layers.sha256) == (image_format, row.sha256)
        assert faults(layers, signed=True) == ()

    def test_asking_twice_makes_one(self, image, alice, bob, sign_in):
        address = reverse("image-convert", args=[image.uuid])
        places = {
            sign_in(user).post(address, {"size": "original", "format": "WEBP"})["Location"]
            for user in (alice, bob, alice)
        }
        make_all()
        assert len(places) == Conversion.objects.count() == 1
        assert Record.objects.filter(event=Event.IMAGE_CONVERSION_ASKED).count() == 1
        assert Record.objects.filter(event=Event.IMAGE_CONVERTED).count() == 1

    def test_asking_again_keeps_it_longer(self, image, alice):
        soon = timezone.now() + timedelta(minutes=1)
        row = make_conversion(image, expires_at=soon)
        conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        row.refresh_from_db()
        assert row.expires_at > soon

    def test_two_workers_do_not_make_the_same(self, image, alice):
        row = conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        assert converting._claim(row.pk, "one")
        assert converting._claim(row.pk, "two") is None

    def test_what_a_dead_worker_left_is_made_by_another(self, image, alice):
        row = conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        converting._claim(row.pk, "dead")
        half_done = f"{image.uuid}/{row.recipe}-leftover.webp"
        storage.save_rendition(half_done, b"x")
        Conversion.objects.update(next_action_at=timezone.now())
        make_all()
        assert Conversion.objects.get().state == State.READY
        assert half_done not in storage.renditions_in_storage(image.uuid)

    def test_an_original_that_is_lost_ends_it_with_words(self, image, alice, sign_in):
        storage.originals().delete(image.original_name)
        row = conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        make_all()
        page = sign_in(alice).get(row.get_absolute_url()).content.decode()
        assert "The file could not be made" in page
        again = conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        assert again.pk != row.pk

    def test_it_is_not_tried_for_ever(self, image, alice, monkeypatch):
        monkeypatch.setattr(converting, "_make", lambda _row: 1 / 0)
        conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        for _try in range(converting.MOST_TRIES + 1):
            Conversion.objects.update(next_action_at=timezone.now())
            make_all()
        assert Conversion.objects.get().state == State.FAILED

    def test_a_storage_that_is_away_is_waited_for(self, image, alice, monkeypatch):
        def away(_row):
            raise storage.StorageAway

        monkeypatch.setattr(converting, "_make", away)
        conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        for _try in range(converting.MOST_TRIES + 2):
            Conversion.objects.update(next_action_at=timezone.now())
            make_all()
        assert Conversion.objects.get().state == State.WAITING
        Conversion.objects.update(created_at="2020-01-01T00:00Z", next_action_at=timezone.now())
        make_all()
        assert Conversion.objects.get().state == State.FAILED

    def test_new_labels_in_between_are_waited_for(self, image, alice, monkeypatch):
        row = conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        labels = iter(["old", "new"])
        monkeypatch.setattr(converting, "_labels", lambda _image: next(labels))
        make_all()
        row.refresh_from_db()
        assert (row.state, row.claimed_by) == (State.WAITING, "")
        assert not any(row.recipe in name for name in storage.renditions_in_storage(image.uuid))


class TestPage:
    def test_waits_and_then_offers_the_file(self, image, alice, sign_in):
        tab = sign_in(alice)
        address = reverse("image-convert", args=[image.uuid])
        first = tab.post(address, {"size": "original", "format": "WEBP"}, headers=HTMX)
        assert 'hx-trigger="every 2s"' in first.content.decode()
        make_all()
        place = Conversion.objects.get().get_absolute_url()
        ready = tab.get(place, headers=HTMX).content.decode()
        assert "data-save" in ready
        assert "hx-trigger" not in ready
        assert "<html" in tab.get(place).content.decode()

    def test_does_not_ask_for_ever(self, image, alice, sign_in):
        row = conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        Conversion.objects.update(created_at=timezone.now() - timedelta(hours=1))
        page = sign_in(alice).get(row.get_absolute_url(), headers=HTMX).content.decode()
        assert "hx-trigger" not in page
        assert "Look again" in page

    def test_the_full_file_needs_no_other(self, image, alice, sign_in):
        address = reverse("image-convert", args=[image.uuid])
        response = sign_in(alice).post(address, {"size": "original", "format": "PNG"})
        assert response["Location"] == reverse("image-download", args=[image.uuid])
        assert not Conversion.objects.exists()

    def test_to_a_stranger_nothing_exists(self, image, charlie, sign_in):
        row = make_conversion(image)
        tab = sign_in(charlie)
        for name in ("conversion", "conversion-download"):
            assert tab.get(reverse(name, args=[row.uuid])).status_code == 404

    def test_of_a_hidden_image_nothing_is_left(self, image, alice, sign_in):
        row = make_conversion(image)
        Image.objects.update(hidden_at=timezone.now())
        address = reverse("conversion-download", args=[row.uuid])
        assert sign_in(alice).get(address).status_code == 404


class TestDownload:
    def test_is_the_file_and_on_the_record(self, large, alice, sign_in):
        conversions.ask(large, size="1080", image_format="WEBP", actor=alice)
        make_all()
        row = Conversion.objects.get()
        response = sign_in(alice).get(reverse("conversion-download", args=[row.uuid]))
        assert hashlib.sha256(response.getvalue()).hexdigest() == row.sha256
        assert response["Content-Disposition"].endswith('-1080.webp"')
        record = Record.objects.get(event=Event.IMAGE_DOWNLOADED)
        assert (record.facts["sha256"], record.facts["recipe"]) == (row.sha256, "1080-webp")

    @pytest.mark.parametrize("loss", ["lost", "changed"])
    def test_a_file_that_is_gone_is_made_anew(self, image, alice, sign_in, loss):
        row = make_conversion(image)
        storage.renditions().delete(row.name)
        if loss == "changed":
            storage.save_rendition(row.name, b"another file")
        response = sign_in(alice).get(reverse("conversion-download", args=[row.uuid]))
        assert response.status_code == {"lost": 404, "changed": 500}[loss]
        again = conversions.ask(image, size="original", image_format="WEBP", actor=alice)
        assert (again.pk != row.pk, again.state) == (True, State.WAITING)
        assert not Record.objects.filter(event=Event.IMAGE_DOWNLOADED).exists()

    def test_what_is_not_ready_leads_to_its_page(self, image, alice, sign_in):
        row = make_conversion(image, state=State.DELETED)
        response = sign_in(alice).get(reverse("conversion-download", args=[row.uuid]))
        assert response["Location"] == row.get_absolute_url()

    def test_it_is_recognised_even_when_it_was_deleted(self, image, alice):
        row = make_conversion(image)
        layers = label_reading.look(content_of(row))
        conversions.withdraw(Conversion.objects.all())
        conversions.tidy()
        match = inspection.find(layers, viewer=alice)
        assert (match.image, match.how) == (image, inspection.FILE)


class TestDeleting:
    def is_stored(self, row):
        return storage.renditions().exists(row.name)

    def test_after_a_week_without_an_ask(self, image):
        kept = make_conversion(image)
        assert conversions.tidy() == 0
        Conversion.objects.update(expires_at=timezone.now())
        conversions.tidy()
        kept.refresh_from_db()
        assert (kept.state, kept.is_stored, self.is_stored(kept)) == (State.DELETED, False, False)

    def test_not_under_a_legal_hold(self, image, alice):
        row = make_conversion(image, expires_at=timezone.now())
        hold = {"scope": "run", "subject": image.run.uuid, "reason": "a dispute"}
        LegalHold.objects.create(placed_by=alice, **hold)
        assert Image.objects.filter(holds.covers_image()).exists()
        conversions.tidy()
        assert self.is_stored(row)

    def test_with_its_image(self, image, alice):
        row = make_conversion(image)
        target = targets.target_of("image", image.uuid, pictures=True)
        erasing.ask(target, reason="a letter", actor=alice)
        erasing_work.work()
        row.refresh_from_db()
        assert (row.state, self.is_stored(row)) == (State.DELETED, False)
        erased = Record.objects.get(event=Event.IMAGE_ERASED)
        assert row.sha256 in str(erased.facts) + str(getattr(erased, "payload", ""))

    def test_when_its_image_gets_new_labels(self, image, monkeypatch):
        row = make_conversion(image)
        monkeypatch.setattr("generations.labelling.pipeline.LABEL_VERSION", 3)
        relabel.remake(image, why=relabel.Why.LOST)
        for order in relabelling.due():
            relabelling.work(order.pk, "worker")
        row.refresh_from_db()
        assert image.renditions.filter(label_version=3).exists()
        assert row.state == State.DELETED
        conversions.tidy()
        assert not self.is_stored(row)

    @pytest.mark.parametrize(
        "values",
        [
            {"expires_at": "2020-01-01T00:00Z"},
            {"state": State.WAITING, "next_action_at": "2020-01-01T00:00Z"},
        ],
    )
    def test_admins_are_told_if_nobody_does_it(self, image, values):
        make_conversion(image)
        assert not conversions.late()
        Conversion.objects.update(**values)
        assert conversions.late()
        assert any(
            each.holds for each in _observations() if each.kind == notice_kinds.CONVERSIONS_LATE
        )
