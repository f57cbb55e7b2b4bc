"""kill -9 of the worker in the middle of an erasure: another goes on, and nothing is done twice."""

from collections import Counter

import pytest
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations import storage, tasks
from generations.erasing import asking, targets, work
from generations.models import Erasure, Image
from tests.faults.studio import Workers, wait_for
from tests.generations.factories import make_finished_run
from tests.records import write

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
Status = Erasure.Status


@pytest.fixture
def workers(tmp_path):
    workers = Workers(tmp_path)
    yield workers
    workers.kill()


def test_what_a_killed_worker_has_begun_is_ended_once(alice, admin, workers):
    run = make_finished_run(alice, files=True)
    submitted = write(
        Event.RUN_SUBMITTED, actor=alice, subject=run, story=run.uuid, personal={"prompt": "dawn"}
    )
    files = [row.name for row in run.images.get().renditions.all()]
    target = targets.target_of("run", run.uuid, pictures=True)
    erasure = asking.ask(target, reason="asked for by letter", actor=admin)
    tasks.erase.delay()
    workers.start(program="tests.faults.erasing_worker")
    wait_for(Image.objects.filter(erased_at__isnull=False).exists, "images are marked", workers)
    workers.kill()
    assert all(map(storage.renditions().exists, files))
    assert work.work() == 0  # it is left to the dead worker for a while

    for status in (Status.CLEANING, Status.DONE):
        Erasure.objects.update(next_try_at=timezone.now())
        assert work.work() == 1
        erasure.refresh_from_db()
        assert (erasure.status, erasure.trouble) == (status, "")

    assert not any(map(storage.renditions().exists, files))
    events = Counter(Record.objects.filter(event__contains="eras").values_list("event", flat=True))
    ordered_and_done = (Event.ERASURE_ASKED, Event.ERASURE_FINISHED)
    erased = (Event.RUN_ERASED, Event.IMAGE_ERASED, Event.PERSONAL_ERASED)
    assert events == dict.fromkeys((*ordered_and_done, *erased), 1)
    emptied = Record.objects.get(event=Event.PERSONAL_ERASED).facts["records"]
    assert emptied == [str(submitted.uuid)]
    assert (erasure.records, erasure.runs, erasure.images) == (1, 1, 1)
