"""A worker that dies after it has written labelled files leaves none that no row names."""

import pytest

from generations import storage
from generations.jobs.execution import delivering, renditions
from generations.labelling import LabelFailed
from generations.models import Delivery, Image
from generations.states import Status
from tests.generations.factories import image_file, make_generation, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(alice):
    """An image that was fetched, of which a dead worker has written a file."""
    run = make_run(alice, wanted=1, open=1)
    generation = make_generation(run, Status.STORING)
    name = storage.original_name(generation.uuid, attempt=1, index=0)
    storage.save_original(name, image_file((1024, 1024)))
    found = Delivery.objects.create(
        generation=generation,
        index=0,
        status=Delivery.Status.FETCHED,
        original_name=name,
        next_action_at="2020-01-01T00:00Z",
        tries=1,
    )
    storage.save_rendition(f"{found.uuid}/full-0123456789abcdef.png", b"of a dead worker")
    return found


def test_the_next_one_deletes_them(delivery):
    delivering.label_and_store(delivery.pk, "worker")
    rows = Image.objects.get(uuid=delivery.uuid).renditions
    stored = storage.renditions_in_storage(delivery.uuid)
    assert set(stored) == set(rows.values_list("name", flat=True))


def test_whoever_gives_up_deletes_all_of_them(delivery, monkeypatch):
    def fail(*_args):
        raise LabelFailed("no label")

    monkeypatch.setattr(renditions, "make", fail)
    delivering.label_and_store(delivery.pk, "worker")
    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.FAILED
    assert storage.renditions_in_storage(delivery.uuid) == []
