"""An image's page: the size asked for and the size that came, and the seed."""

import pytest
from django.urls import reverse

from generations.jobs.execution.requests import request_of
from generations.models import Image
from generations.providers import registry
from generations.providers.capabilities import CustomSize, NumberRange
from generations.reading.detail import detail_of
from generations.states import Status
from tests.generations.factories import (
    make_finished_run,
    make_generation,
    make_image,
    make_run,
)
from tests.generations.stub import STUB, set_up_stub

pytestmark = pytest.mark.django_db


def image_of(user, size, **options):
    """An image of `size` in pixels, in a run with `options`."""
    options = {"resolution": "2K", "aspect_ratio": "1:1"} | options
    run = make_finished_run(user, engine=STUB, options=options, files=True)
    Image.objects.filter(run=run).update(width=size[0], height=size[1])
    return run.images.select_related("run__user", "generation__price").get()


class TestOtherSize:
    def sentence(self, user, size, **options):
        return detail_of(image_of(user, size, **options), viewer=user).other_size

    def test_is_named(self, alice, monkeypatch, settings):
        set_up_stub(monkeypatch, settings)
        sentence = self.sentence(alice, (1024, 1024))
        assert sentence == "Asked for 2048×2048; the provider sent 1024×1024."

    def test_is_not_mentioned_if_the_size_is_as_asked(self, alice, monkeypatch, settings):
        set_up_stub(monkeypatch, settings)
        assert self.sentence(alice, (2048, 2048)) == ""

    @pytest.mark.parametrize(
        ("size", "said"), [((1024, 1024), False), ((2048, 2020), False), ((2048, 1900), True)]
    )
    def test_without_promised_pixels_only_the_ratio_counts(
        self, alice, monkeypatch, settings, size, said
    ):
        set_up_stub(monkeypatch, settings, exact_sizes=False)
        assert bool(self.sentence(alice, size)) is said

    def test_pixels_asked_for_by_number_count_everywhere(self, alice, monkeypatch, settings):
        set_up_stub(monkeypatch, settings, exact_sizes=False, custom_size=CustomSize(512, 4096))
        custom = {"resolution": "custom", "aspect_ratio": "", "width": 1500, "height": 1000}
        assert self.sentence(alice, (750, 500), **custom).startswith("Asked for 1500×1000;")

    @pytest.mark.parametrize("options", [{"resolution": "8K"}, {"aspect_ratio": "7:5"}])
    def test_is_not_guessed(self, alice, monkeypatch, settings, options):
        set_up_stub(monkeypatch, settings)
        assert self.sentence(alice, (64, 64), **options) == ""

    def test_is_not_known_for_an_engine_that_is_no_longer_set_up(
        self, alice, monkeypatch, settings
    ):
        set_up_stub(monkeypatch, settings)
        image = image_of(alice, (64, 64))
        image.run.engine = "gone/away"
        assert detail_of(image, viewer=alice).other_size == ""

    def test_stands_on_the_page(self, alice, sign_in, monkeypatch, settings):
        set_up_stub(monkeypatch, settings)
        image = image_of(alice, (1024, 1024))
        page = sign_in(alice).get(reverse("image", args=[image.uuid])).content.decode()
        assert "Asked for 2048×2048; the provider sent 1024×1024." in page


def test_a_custom_size_is_named(alice, monkeypatch, settings):
    set_up_stub(monkeypatch, settings, custom_size=CustomSize(512, 4096))
    image = image_of(
        alice, (1500, 1000), resolution="custom", aspect_ratio="", width=1500, height=1000
    )
    params = dict(detail_of(image, viewer=alice).params)
    assert (params["Format"], params["Resolution"]) == ("1500×1000", "Custom size")


class TestSeed:
    @pytest.fixture
    def image(self, alice, monkeypatch, settings):
        """The third image of a run, whose engine takes seeds from 1 to 9."""
        set_up_stub(monkeypatch, settings, seed=NumberRange(1, 9))
        run = make_run(alice, engine=STUB, options={"resolution": "2K", "seed": 8})
        return make_image(make_generation(run, Status.SUCCEEDED, position=2))

    def shown(self, image):
        return dict(detail_of(image, viewer=image.run.user).params)["Seed"]

    def test_is_the_one_that_the_provider_was_sent(self, image):
        assert request_of(image.generation).seed == 1
        assert self.shown(image) == "1"

    def test_is_the_one_that_the_provider_named(self, image):
        image.generation.seed = 77
        assert self.shown(image) == "77"

    def test_is_not_guessed_for_an_engine_that_is_no_longer_set_up(self, image, monkeypatch):
        monkeypatch.delitem(registry.ADAPTERS, "stub")
        assert self.shown(image) == "not known"

    def test_is_not_known_if_nobody_asked_for_one(self, image):
        image.run.options = {}
        assert self.shown(image) == "not known"
