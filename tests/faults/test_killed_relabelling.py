"""kill -9 of the worker while it labels again: another goes on, and no file is left over."""

import pytest

from accounts.events import Event
from accounts.models import Record
from generations import storage
from generations.jobs.recovery import recover
from generations.jobs.worker import work_here
from generations.models import Relabelling, Rendition, Worker
from generations.relabelling import asking, choosing
from tests.faults.studio import Workers, wait_for
from tests.generations.factories import make_finished_run

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def workers(tmp_path):
    workers = Workers(tmp_path)
    yield workers
    workers.kill()


def test_what_a_killed_worker_has_begun_is_ended_by_another(alice, workers):
    images = make_finished_run(alice, images=2, files=True).images.order_by("pk")
    for row in Rendition.objects.all():  # files that the labels of today differ from
        name = row.name.replace(row.sha256[:16], "0" * 16)
        storage.save_rendition(name, b"an older label")
        storage.erase(storage.renditions(), row.name)
        Rendition.objects.filter(pk=row.pk).update(name=name, sha256="0" * 64)
    order = asking.ask(choosing.Choice("all", choosing.everything()), actor=None)
    workers.start(program="tests.faults.relabelling_worker")
    relabelled = Record.objects.filter(event=Event.IMAGE_RELABELLED)
    wait_for(relabelled.exists, "an image is labelled again", workers)
    workers.kill()
    Worker.objects.all().delete()
    recover()
    order.refresh_from_db()
    assert (order.claimed_by, order.done, order.image_id) == ("", 1, images[0].pk)

    work_here(lambda: not Relabelling.objects.unfinished().exists())
    order.refresh_from_db()
    assert (order.status, order.done, order.left_out) == (Relabelling.Status.DONE, 2, 0)
    assert relabelled.count() == 2
    for image in images:
        named = set(image.renditions.values_list("name", flat=True))
        assert set(storage.renditions_in_storage(image.uuid)) == named
