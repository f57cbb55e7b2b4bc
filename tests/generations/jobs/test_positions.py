"""The position in its run that an image gets when the one asked for is taken."""

import pytest

from generations.jobs.execution.positions import position_of
from generations.models import Delivery
from generations.states import Status
from tests.generations.factories import make_generation, make_image, make_run

pytestmark = pytest.mark.django_db


def test_each_image_beyond_those_wanted_comes_last(alice):
    run = make_run(alice, wanted=2)
    first = make_generation(run, Status.STORING, position=0)
    make_generation(run, Status.STORING, position=1)
    got = []
    for index in range(3):
        delivery = Delivery(generation=first, index=index)
        got.append(position_of(delivery))
        image = make_image(first, index, files=False)
        type(image).objects.filter(pk=image.pk).update(position=got[-1])
    assert got == [0, 2, 3]
