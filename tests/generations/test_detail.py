"""An image's page: the size that was asked for, and the one that came."""

import pytest
from django.urls import reverse

from generations.models import Image
from generations.providers.types import CustomSize
from generations.reading.detail import detail_of
from tests.generations.factories import make_finished_run
from tests.generations.stub import STUB, set_up_stub

pytestmark = pytest.mark.django_db


def image_of(user, size, **options):
    """An image of `size` in pixels that was asked for with `options`."""
    options = {"resolution": "2K", "aspect_ratio": "1:1"} | options
    run = make_finished_run(user, engine=STUB, options=options, files=True)
    Image.objects.filter(run=run).update(width=size[0], height=size[1])
    return run.images.select_related("run__user", "generation__price").get()


class TestOtherSize:
    def sentence(self, user, size, **options):
        return detail_of(image_of(user, size, **options), viewer=user).other_size

    def test_is_said_plainly(self, alice, monkeypatch, settings):
        set_up_stub(monkeypatch, settings)
        sentence = self.sentence(alice, (1024, 1024))
        assert sentence == "Asked for 2048×2048; the provider sent 1024×1024."

    def test_is_no_matter_where_it_is_as_asked(self, alice, monkeypatch, settings):
        set_up_stub(monkeypatch, settings)
        assert self.sentence(alice, (2048, 2048)) == ""

    @pytest.mark.parametrize(
        ("size", "said"), [((1024, 1024), False), ((2048, 2020), False), ((2048, 1900), True)]
    )
    def test_where_no_page_promises_pixels_only_the_format_counts(
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

    def test_is_not_known_of_an_engine_that_is_gone(self, alice, monkeypatch, settings):
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
