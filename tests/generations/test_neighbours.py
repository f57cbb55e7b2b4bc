"""The images before and after one: through its run, the gallery, the feed or a comparison."""

import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generations.models import Image, Run
from generations.reading.neighbours import OF_RUN, around, listing_behind, listing_of
from tests.factories import make_user
from tests.generations.factories import make_finished_run

pytestmark = pytest.mark.django_db
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def runs(alice, bob):
    """Four runs, the oldest first: a minute apart, with the second by a team-mate."""
    made = [
        make_finished_run(alice, prompt="a red fox", images=2),
        make_finished_run(bob, prompt="a red hen", images=1),
        make_finished_run(alice, prompt="a blue fox", images=1),
        make_finished_run(alice, prompt="a green fox", images=1),
    ]
    for minutes, run in enumerate(made):
        at = run.created_at + timedelta(minutes=minutes)
        Run.objects.filter(pk=run.pk).update(created_at=at)
        Image.objects.filter(run=run).update(created_at=at)
    return made


@pytest.fixture
def images(runs):
    """Their five images, by key: the oldest first."""
    return list(Image.objects.select_related("run").order_by("pk"))


def way(images, viewer, query, of=()):
    """The numbers of the images to which the links lead, from each of `images`, or from `of`."""
    listing = listing_of(QueryDict(query))
    numbers = {str(image.uuid): number for number, image in enumerate(images)}
    found = []
    for image in of or images:
        siblings = list(image.run.images.values_list("uuid", flat=True))
        pair = around(image, listing, siblings=siblings, viewer=viewer)
        found.append(tuple(numbers[path.split("/")[2]] if path else None for path in pair))
    return found


def test_a_run_leads_by_position(images, alice):
    assert way(images, alice, "") == [(None, 1), (0, None), *[(None, None)] * 3]


def test_the_gallery_leads_from_the_newest_to_the_oldest(images, alice):
    assert way(images, alice, "in=gallery") == [(1, None), (2, 0), (3, 1), (4, 2), (None, 3)]


def test_the_gallery_leads_through_what_was_searched(images, alice):
    found = way(images, alice, "in=gallery&q=fox")
    assert [found[number] for number in (0, 1, 3, 4)] == [(1, None), (3, 0), (4, 1), (None, 3)]


def test_the_gallery_leads_through_one_persons_images(images, alice, bob):
    found = way(images, alice, f"in=gallery&person={alice.uuid}")
    assert (found[1], found[3]) == ((3, 0), (4, 1))


def test_the_feed_leads_through_runs_from_the_newest(images, alice):
    assert way(images, alice, "in=feed") == [(2, 1), (0, None), (3, 0), (4, 2), (None, 3)]


def test_the_feed_leads_through_ones_own_runs(images, alice):
    found = way(images, alice, "in=feed&scope=mine")
    assert (found[0], found[3]) == ((3, 1), (4, 0))


def test_the_feed_passes_over_runs_without_images(images, runs, alice):
    Image.objects.filter(run=runs[2]).update(hidden_at=runs[2].created_at)
    found = way(images, alice, "in=feed", of=[images[2], images[4]])
    assert found == [(4, 0), (None, 2)]


def test_a_comparison_leads_through_what_is_compared(images, alice):
    chosen = urlencode([("image", images[4].uuid), ("image", images[0].uuid)])
    found = way(images, alice, f"in=compare&{chosen}")
    assert (found[4], found[0], found[2]) == ((None, 0), (4, None), (None, None))


def test_strangers_images_are_never_among_them(images, alice):
    make_finished_run(make_user(), prompt="a fox of others")
    for query in ("in=gallery", "in=gallery&q=fox", "in=feed"):
        assert way(images, alice, query, of=[images[4]]) == [(None, 3)], query


@pytest.mark.parametrize(
    "query",
    [
        "in=nowhere",
        "in=gallery&campaign=x&person=%00&q=%00",
        f"in=gallery&person={uuid.UUID(int=5)}",
        "in=gallery&q=" + "x" * 5000,
        "in=feed&scope=all",
        "in=compare&image=x",
        "in=compare&" + "image=x&" * 500,
        "in=compare&image=" + "0" * 5000,
    ],
)
def test_nonsense_in_the_address_does_no_harm(images, alice, sign_in, query):
    address = reverse("image", args=[images[0].uuid])
    assert sign_in(alice).get(f"{address}?{query}").status_code == 200


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("/gallery/?q=fox&before=x", "in=gallery&q=fox"),
        ("/?scope=mine", "in=feed&scope=mine"),
        ("/feed/?before=x", "in=feed"),
        ("/gallery/?person=nobody", "in=gallery&person=nobody"),
        ("/gallery/?starred=1&rating=9", "in=gallery&starred=1"),
        ("/log/", ""),
        ("/nowhere/", ""),
        ("http://[", ""),
        ("/gallery/?q=" + "x" * 9000, ""),
    ],
)
def test_a_list_is_known_by_the_page_behind(page, query):
    assert listing_behind(page).as_query == query


def test_opened_in_the_dialog_the_address_names_the_list(images, alice, sign_in):
    address = reverse("image", args=[images[3].uuid])
    behind = {"HX-Current-URL": "http://testserver/gallery/?q=fox"}
    response = sign_in(alice).get(address, headers=PARTIAL | behind)
    assert response["HX-Push-Url"] == f"{address}?in=gallery&q=fox"
    newer = reverse("image", args=[images[4].uuid])
    assert f'data-prev href="{newer}?in=gallery&amp;q=fox"' in response.content.decode()


def test_without_scripts_the_page_with_the_link_says_which_list(images, alice, sign_in):
    address = reverse("image", args=[images[3].uuid])
    tab = sign_in(alice)
    ours = tab.get(address, headers={"Referer": "http://testserver/gallery/"})
    theirs = tab.get(address, headers={"Referer": "http://elsewhere.test/gallery/"})
    assert b"in=gallery" in ours.content
    assert b"in=gallery" not in theirs.content


@pytest.mark.parametrize("query", ["in=gallery", "in=gallery&q=fox", "in=feed"])
def test_a_longer_list_needs_no_more_queries(images, alice, query):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            around(images[3], listing_of(QueryDict(query)), siblings=[], viewer=alice)
        return len(asked)

    few = queries()
    for _number in range(18):
        make_finished_run(alice, prompt="another fox")
    assert queries() == few


def test_without_a_list_it_is_the_run():
    assert listing_of(QueryDict("")) == OF_RUN
    assert OF_RUN.as_query == OF_RUN.address == ""
