"""Files leave as they were stored, from a folder and from a bucket, or they do not leave."""

from pathlib import Path

import pytest
from django.urls import reverse

from accounts.events import Event
from accounts.models import Notice, Record
from generations import storage
from generations.jobs.execution import renditions
from generations.models import Image, Relabelling
from generations.notice_kinds import FILE_DAMAGED
from generations.paths import reference_path, rendition_path
from tests.generations.factories import make_finished_run, make_reference
from tests.generations.relabelling.conftest import with_credit, work

pytestmark = pytest.mark.django_db


class Folder:
    """Storage in a folder of this machine."""

    def swap(self, backend, name, data):
        path = Path(backend.path(name))
        path.with_suffix(".other").write_bytes(data)
        path.with_suffix(".other").replace(path)

    def lose(self, backend, name):
        backend.delete(name)


class Bucket(Folder):
    """A bucket that browsers reach by links."""

    def __init__(self, bucket):
        self._bucket = bucket

    def swap(self, backend, name, data):
        folder = "renditions" if backend is storage.renditions() else "originals"
        self._bucket.put(f"{folder}/{name}", data, ChecksumAlgorithm="SHA256")


@pytest.fixture(params=["folder", "bucket"])
def place(request):
    if request.param == "folder":
        return Folder()
    return Bucket(request.getfixturevalue("bucket"))


@pytest.fixture
def image(place, alice) -> Image:
    return make_finished_run(alice, files=True).images.get()


@pytest.fixture
def tab(alice, sign_in):
    return sign_in(alice)


def address(rendition):
    return rendition_path(rendition.uuid, rendition.format)


def notices():
    return Notice.objects.filter(kind=FILE_DAMAGED.name, ended_at__isnull=True)


@pytest.mark.parametrize("way", ["look", "save"])
def test_a_swapped_file_is_refused_told_and_made_again(way, place, image, tab):
    row = image.renditions.get(recipe="full")
    before = storage.read(storage.renditions(), row.name)
    place.swap(storage.renditions(), row.name, b"another picture")
    path = address(row) if way == "look" else reverse("image-download", args=[image.uuid])
    for _again in range(2):
        answer = tab.get(path)
        assert answer.status_code == 500
        assert b"another picture" not in answer.content
    assert notices().get().cause == row.name
    refused = Record.objects.get(event=Event.FILE_REFUSED)
    assert (refused.subject_id, refused.facts["expected"]) == (image.uuid, row.sha256)
    assert not Record.objects.filter(event=Event.IMAGE_DOWNLOADED).exists()

    assert work().unchanged == 1
    assert storage.read(storage.renditions(), row.name) == before
    assert tab.get(path).status_code in (200, 302)
    assert not notices().exists()


def test_a_file_with_other_labels_by_now_gets_a_new_address(place, image, tab, monkeypatch):
    row = image.renditions.get(recipe="preview")
    place.swap(storage.renditions(), row.name, b"another picture")
    assert tab.get(address(row)).status_code == 500
    monkeypatch.setattr(renditions, "label_facts", with_credit("another credit"))
    assert work().done == 1
    new = image.renditions.get(recipe="preview")
    assert tab.get(address(row))["Location"] == address(new)
    assert tab.get(address(new)).status_code in (200, 302)
    facts = Record.objects.get(event=Event.IMAGE_RELABELLED).facts
    assert facts["why"] == "damaged"
    assert facts["former"]["preview"] == row.sha256
    assert not notices().exists()


def test_a_lost_file_is_made_again(place, image, tab):
    row = image.renditions.get(recipe="preview")
    place.lose(storage.renditions(), row.name)
    assert tab.get(address(row)).status_code == 404
    order = work()
    assert (order.why, order.unchanged) == ("lost", 1)
    assert tab.get(address(row)).status_code in (200, 302)


def test_without_its_original_it_stays_refused_and_is_not_tried_at_each_request(place, image, tab):
    row = image.renditions.get(recipe="preview")
    place.swap(storage.renditions(), row.name, b"another picture")
    place.swap(storage.originals(), image.original_name, b"another original")
    assert tab.get(address(row)).status_code == 500
    assert work().left == [[str(image.uuid), "original_changed"]]
    assert tab.get(address(row)).status_code == 500
    assert Relabelling.objects.count() == 1
    assert set(notices().values_list("cause", flat=True)) == {row.name, image.original_name}


def test_a_swapped_original_is_refused_and_told(place, image, bob, sign_in):
    bob.is_superuser = True
    bob.save()
    place.swap(storage.originals(), image.original_name, b"another original")
    path = reverse("image-original", args=[image.uuid])
    assert sign_in(bob).post(path, {"reason": "print"}).status_code == 500
    assert notices().get().cause == image.original_name
    assert not Relabelling.objects.exists()


def test_a_swapped_upload_is_refused_and_told(place, alice, tab):
    reference = make_reference(alice)
    place.swap(storage.originals(), reference.name, b"another upload")
    assert tab.get(reference_path(reference.uuid)).status_code == 500
    assert notices().get().cause == reference.name
    assert not Relabelling.objects.exists()
    # Uploads with the same bytes share a file, in other tests too.
    place.lose(storage.originals(), reference.name)
