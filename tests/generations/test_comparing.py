"""The page that compares images: which it shows, in what they differ, and bad addresses."""

import uuid

import pytest
from django.urls import reverse

from generations.models import Image, Run
from generations.reading.comparing import comparison
from tests.factories import make_user
from tests.generations.factories import make_finished_run
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(alice):
    make_finished_run(alice, prompt="a red fox", images=3)
    make_finished_run(alice, prompt="a <b>hen</b>", images=2)
    return list(Image.objects.order_by("pk"))


@pytest.fixture
def page(alice, sign_in):
    tab = sign_in(alice)

    def page(*identifiers):
        response = tab.get(reverse("compare"), {"image": identifiers})
        assert response.status_code == 200
        return response.content.decode()

    return page


def test_shows_the_images_in_the_order_of_the_address(images, page):
    text = page(images[3].uuid, images[0].uuid)
    places = [text.index(f"/images/{images[number].uuid}/?in=compare") for number in (3, 0)]
    assert places == sorted(places)
    assert text.count('class="frame-chip ai-chip"') == 2


def test_says_in_what_they_differ(images, alice):
    found = comparison(alice, [str(images[0].uuid), str(images[3].uuid)])
    rows = {row.label: row for row in found.rows}
    assert rows["Prompt"].values == ["a red fox", "a <b>hen</b>"]
    assert rows["Prompt"].differs
    assert not rows["Engine"].differs
    assert {"Seed", "Price", "Size", "Person", "Made"} <= rows.keys()


def test_markup_in_a_prompt_is_text(images, page):
    assert "<b>hen" not in page(images[0].uuid, images[3].uuid)


def test_an_erased_prompt_is_not_shown(images, alice):
    Run.objects.update(erased_at=images[0].created_at, prompt="[erased]")
    found = comparison(alice, [str(image.uuid) for image in images[:2]])
    assert found.rows[0].values == ["erased", "erased"]
    assert found.images[0].title == "Image whose prompt was erased"


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_are_answered_with_what_to_do(images, page, count):
    text = page(*[image.uuid for image in images[:count]])
    assert "Choose two to four images" in text
    assert (str(images[0].uuid) in text) == bool(count)


def test_the_same_image_twice_is_one(images, page):
    assert "Choose two to four images" in page(images[0].uuid, images[0].uuid)


def test_of_five_images_four_are_compared_and_the_page_says_so(images, page):
    text = page(*[image.uuid for image in images])
    assert "Only the first 4 images are compared." in text
    assert str(images[4].uuid) not in text


@pytest.mark.parametrize("bad", ["", "x", "\x00", "9" * 3000, str(uuid.UUID(int=3))])
def test_bad_identifiers_do_no_harm(images, page, bad):
    assert "How they were made" in page(images[0].uuid, bad, images[1].uuid)


def test_a_strangers_image_is_not_shown_and_not_named(images, page):
    theirs = make_finished_run(make_user(), prompt="their secret").images.get()
    text = page(images[0].uuid, theirs.uuid, images[1].uuid)
    assert "1 of the images is not here" in text
    assert "their secret" not in text
    assert str(theirs.uuid) not in text


def test_four_images_need_no_more_queries_than_two(images, alice, sign_in):
    tab = sign_in(alice)

    def get(count):
        return tab.get(reverse("compare"), {"image": [image.uuid for image in images[:count]]})

    get(4)
    assert queries_of(lambda: get(4)) == queries_of(lambda: get(2))
