"""The gallery: a team's own images, newest first, found by words, campaign and person."""

import pytest
from django.urls import reverse
from django.utils import timezone

from generations.models import Campaign, Image
from generations.reading import gallery
from generations.reading.gallery import Filter
from tests.factories import make_user
from tests.generations.factories import make_finished_run
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


def shown(user, **chosen):
    page = gallery.page(user, chosen=Filter(**chosen))
    return [card.frame.alt.partition(": ")[2] for card in page.cards]


def test_a_team_sees_its_own_images_and_no_others(alice, bob, charlie):
    make_finished_run(alice, prompt="ours")
    make_finished_run(charlie, prompt="theirs")
    assert shown(bob) == ["ours"]
    assert shown(charlie) == ["theirs"]


def test_hidden_images_are_gone(alice):
    make_finished_run(alice)
    Image.objects.update(hidden_at=timezone.now())
    assert shown(alice) == []


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["blue fox", "Red Fox"]),
            ("fox", ["blue fox", "Red Fox"]),
            ("RED", ["Red Fox"]),
            ("fox red", ["Red Fox"]),
            ("wolf", []),
            ("%", []),
            ("fo_", ["blue fox", "Red Fox"]),
            ("\0", []),
            ("x" * 5000, []),
        ],
    )
    def test_every_word_must_be_in_the_prompt(self, alice, query, found):
        make_finished_run(alice, prompt="Red Fox")
        make_finished_run(alice, prompt="blue fox")
        assert shown(alice, query=query) == found

    def test_by_campaign(self, alice):
        campaign = Campaign.objects.create(team=alice.team, name="Autumn", created_by=alice)
        make_finished_run(alice, prompt="in", campaign=campaign)
        make_finished_run(alice, prompt="out")
        assert shown(alice, campaign=str(campaign.uuid)) == ["in"]

    def test_by_person(self, alice, bob):
        make_finished_run(alice, prompt="of alice")
        make_finished_run(bob, prompt="of bob")
        assert shown(alice, person=str(bob.uuid)) == ["of bob"]

    @pytest.mark.parametrize("name", ["campaign", "person"])
    def test_an_identifier_of_nothing_finds_nothing(self, alice, name):
        make_finished_run(alice)
        assert shown(alice, **{name: "\0x"}) == []


class TestPages:
    def test_all_pages_are_all_images_once(self, alice, monkeypatch):
        monkeypatch.setattr(gallery, "PAGE_SIZE", 3)
        run = make_finished_run(alice, images=7)
        cursor, seen = "", []
        for _ in range(3):
            page = gallery.page(alice, cursor=cursor)
            seen += [card.frame.id for card in page.cards]
            cursor = page.next_cursor
        assert cursor == ""
        newest_first = run.images.order_by("-created_at", "-id")
        assert seen == [f"image-{image.uuid}" for image in newest_first]

    def test_a_cursor_of_another_team_leads_to_the_first_page(self, alice, charlie):
        theirs = make_finished_run(charlie).images.get()
        make_finished_run(alice, images=2)
        first = gallery.page(alice)
        assert len(first.cards) == 2
        assert gallery.page(alice, cursor=str(theirs.uuid)) == first

    def test_an_image_hidden_meanwhile_does_not_lose_the_reader(self, alice, monkeypatch):
        monkeypatch.setattr(gallery, "PAGE_SIZE", 2)
        make_finished_run(alice, images=4)
        first = gallery.page(alice)
        Image.objects.filter(uuid=first.next_cursor).update(hidden_at=timezone.now())
        assert len(gallery.page(alice, cursor=first.next_cursor).cards) == 2

    def test_twenty_images_need_no_more_queries_than_two(self, alice):
        make_finished_run(alice, images=2)
        few = queries_of(lambda: gallery.page(alice))
        for _ in range(9):
            make_finished_run(alice, images=2)
        assert queries_of(lambda: gallery.page(alice)) == few == 3


class TestPage:
    def test_shows_images_that_open_without_scripts_too(self, alice, sign_in):
        image = make_finished_run(alice, prompt="a red fox").images.get()
        text = sign_in(alice).get(reverse("gallery")).content.decode()
        assert f'id="image-{image.uuid}"' in text
        assert f'href="/images/{image.uuid}/"' in text
        assert "Image generated with AI: a red fox" in text

    def test_older_images_have_an_address_and_come_as_a_fragment(self, alice, sign_in, monkeypatch):
        monkeypatch.setattr(gallery, "PAGE_SIZE", 1)
        make_finished_run(alice, images=2, prompt="fox")
        client = sign_in(alice)
        cursor = gallery.page(alice).next_cursor
        older = f"{reverse('gallery')}?q=fox&before={cursor}"
        assert older.replace("&", "&amp;") in client.get("/gallery/?q=fox").content.decode()
        page = client.get(older)
        fragment = client.get(older, headers={"HX-Request": "true", "HX-Request-Type": "partial"})
        assert "<html" in page.content.decode()
        assert "<html" not in fragment.content.decode()
        assert "HX-Request" in fragment["Vary"]
        assert page.content.decode().count("Image generated with AI") == 1

    def test_says_what_to_do_where_there_is_nothing(self, alice, sign_in):
        client = sign_in(alice)
        assert "No images yet" in client.get(reverse("gallery")).content.decode()
        assert "Nothing found" in client.get("/gallery/?q=wolf").content.decode()

    def test_words_of_the_address_are_shown_and_not_run(self, alice, sign_in):
        text = sign_in(alice).get("/gallery/?q=<script>x</script>").content.decode()
        assert "<script>x" not in text
        assert "&lt;script&gt;x" in text

    def test_people_and_campaigns_of_other_teams_are_not_offered(self, alice, charlie, sign_in):
        Campaign.objects.create(team=charlie.team, name="Secret", created_by=charlie)
        text = sign_in(alice).get(reverse("gallery")).content.decode()
        assert "Secret" not in text
        assert str(charlie) not in text

    def test_needs_a_person(self, client):
        assert client.get(reverse("gallery")).status_code == 302

    def test_twenty_images_cost_the_page_no_more_queries_than_two(self, alice, sign_in):
        client = sign_in(alice)
        make_finished_run(alice, images=2)
        few = queries_of(lambda: client.get(reverse("gallery")))
        make_finished_run(make_user(team=alice.team), images=18)
        assert queries_of(lambda: client.get(reverse("gallery"))) == few
