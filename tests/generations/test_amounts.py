"""How many images have come, also if a provider sends more than were asked for."""

import pytest

from generations.models import Delivery
from generations.reading.amounts import of_wanted
from generations.reading.frames import frames_of
from generations.states import Status
from tests.generations.factories import make_generation, make_run


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 of 2"), (2, "2 of 2"), (3, "2 of 2 and 1 more")]
)
def test_images_beyond_those_wanted_are_named(count, words):
    assert of_wanted(count, 2) == words


@pytest.mark.django_db
def test_a_frame_that_saves_more_than_wanted_fills_its_bar_and_no_more(alice):
    run = make_run(alice, wanted=2, open=2)
    generation = make_generation(run, Status.STORING, wanted=2)
    for index in range(3):
        status = Delivery.Status.FETCHED
        Delivery.objects.create(generation=generation, index=index, status=status)
    frame = frames_of([run], viewer=alice)[run.pk][0]
    assert frame.note == "2 of 2 and 1 more received"
    assert frame.received == 2
