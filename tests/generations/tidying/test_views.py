"""The form of the gallery: for one image, a selection, and all that fit."""

import pytest
from django.urls import reverse

from accounts.groups import REVIEWERS
from accounts.models import SavedSearch
from generations.models import Image, Mark
from generations.reading import gallery
from tests.factories import make_user
from tests.generations.factories import make_finished_run

pytestmark = pytest.mark.django_db

PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def send(alice, sign_in):
    """`send(act, images, …)`: press a button of the gallery."""
    client = sign_in(alice)

    def send(act="", chosen=(), **given):
        headers = given.pop("headers", {})
        data = {"act": act, "image": [str(each.uuid) for each in chosen]} | given
        return client.post(reverse("gallery-act"), data, headers=headers)

    return send


def test_a_selection_is_hidden_and_the_next_page_offers_undo(alice, send, client):
    first, second = make_finished_run(alice, images=2).images.order_by("pk")
    response = send("hide", [first], query="q=ridges")
    assert response.status_code == 303
    assert response["Location"].startswith("/gallery/?q=ridges&undo=20")
    assert Image.objects.visible_to(alice).get() == second
    client.force_login(alice)
    page = client.get(response["Location"]).content.decode()
    assert 'name="undo"' in page
    moment = client.get(response["Location"]).context["undo"]
    assert send("restore", undo=moment).status_code == 303
    assert Image.objects.visible_to(alice).count() == 2


def test_with_scripts_the_answer_is_a_note(alice, send):
    image = make_finished_run(alice).images.get()
    text = send("hide", [image], headers=PARTIAL).content.decode()
    assert "1 image hidden" in text
    assert "data-undo" in text
    assert "<html" not in text


def test_all_that_match_and_nothing_else(alice, send, monkeypatch):
    monkeypatch.setattr(gallery, "STEP", 2)
    make_finished_run(alice, images=5, prompt="fox")
    other = make_finished_run(alice, prompt="wolf").images.get()
    send("hide", all="1", query="q=fox")
    assert Image.objects.visible_to(alice).get() == other


def test_what_an_act_left_because_it_has_an_end_is_said(alice, send, monkeypatch):
    monkeypatch.setattr(gallery, "STEP", 2)
    monkeypatch.setattr(gallery, "MOST_STEPS", 1)
    make_finished_run(alice, images=3)
    text = send("star", all="1", headers=PARTIAL).content.decode()
    assert "2 images starred. Older images that match may be left." in text


def test_one_button_stars_one_image(alice, send):
    first, second = make_finished_run(alice, images=2).images.order_by("pk")
    send(star=str(first.uuid), chosen=[second])
    assert Mark.objects.get().image == first
    send(unstar=str(first.uuid))
    assert not Mark.objects.get().is_starred


def test_an_image_of_another_team_is_not_touched(alice, charlie, send):
    theirs = make_finished_run(charlie).images.get()
    send("hide", [theirs])
    assert Image.objects.get().hidden_at is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"act": "burn"},
        {"act": "hide"},
        {"act": "hide", "images": "x,\0,"},
        {"act": "tag", "tag": " "},
        {"act": "tag", "tag": "x" * 41},
        {"act": "rate", "rating": "6"},
        {"act": "campaign", "campaign": "x"},
        {"act": "untag", "tagged": "\0"},
        {"act": "zip", "names": "{secret}"},
        {"act": "compare"},
        {"act": "restore", "undo": "9999-99-99T99:99"},
    ],
)
def test_bad_input_is_told_and_changes_nothing(alice, send, given):
    image = make_finished_run(alice).images.get()
    given = {"images": str(image.uuid)} | given if given.get("act") != "hide" else given
    response = send(headers=PARTIAL, **given)
    assert response.status_code in (200, 422)
    assert Image.objects.get().hidden_at is None


def test_too_many_images_at_once_are_refused(alice, send, monkeypatch):
    monkeypatch.setattr("generations.forms.tidying.MOST", 1)
    images = make_finished_run(alice, images=2).images.all()
    assert "at most 1 images" in send("hide", images, headers=PARTIAL).content.decode()


def test_reviewers_star_but_do_not_hide(alice, sign_in):
    image = make_finished_run(alice).images.get()
    client = sign_in(make_user(team=alice.team, groups=[REVIEWERS]))
    address = reverse("gallery-act")
    assert client.post(address, {"act": "hide", "image": image.uuid}).status_code == 403
    assert client.post(address, {"act": "star", "image": image.uuid}).status_code == 303


def test_two_to_four_are_compared_and_some_used_as_references(alice, send):
    images = list(make_finished_run(alice, images=5).images.order_by("-pk"))
    query = "&".join(f"image={each.uuid}" for each in images[:2])
    assert send("compare", images[:2])["Location"] == f"/compare/?{query}"
    assert send("compare", images)["Location"] == "/gallery/"


def test_a_view_is_saved_for_the_gallery_alone(alice, reviewer, sign_in):
    client = sign_in(reviewer)
    client.post(reverse("gallery-views"), {"name": "Foxes", "query": "q=fox&before=7&evil=1"})
    assert SavedSearch.objects.get().query == "q=fox"
    assert "Foxes" in client.get("/gallery/").content.decode()
    assert "Foxes" not in client.get("/log/").content.decode()
    client.post(reverse("gallery-view-delete", args=[SavedSearch.objects.get().uuid]))
    assert not SavedSearch.objects.exists()


def test_density_is_remembered_by_the_browser(alice, sign_in):
    client = sign_in(alice)
    make_finished_run(alice)
    client.post(reverse("gallery-density"), {"density": "compact"})
    assert 'class="gallery compact"' in client.get("/gallery/").content.decode()
    client.post(reverse("gallery-density"), {"density": "<b>"})
    assert 'class="gallery compact"' in client.get("/gallery/").content.decode()
