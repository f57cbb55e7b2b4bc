"""The gallery: a team's own images, newest first, found by words, campaign and person."""

import datetime as dt
from itertools import combinations

import pytest
from django.urls import reverse
from django.utils import timezone

from generations.models import Campaign, Image, Run, Tag
from generations.models.prompt_index import note_shape
from generations.reading import facets, gallery, picked
from generations.reading.gallery import Filter
from generations.tidying import marks, tags
from tests.factories import make_user
from tests.generations.asking import DEMO
from tests.generations.factories import make_finished_run
from tests.queries import plans_with, queries_of

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
        first, led_there = gallery.page(alice), gallery.page(alice, cursor=str(theirs.uuid))
        assert len(first.cards) == 2
        assert [card.frame for card in led_there.cards] == [card.frame for card in first.cards]

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

    def test_only_the_first_images_load_before_they_come_near(self, alice, sign_in, monkeypatch):
        monkeypatch.setattr(gallery, "PAGE_SIZE", 3)
        monkeypatch.setattr(gallery, "EARLY", 2)
        make_finished_run(alice, images=6)
        client, cursor = sign_in(alice), gallery.page(alice).next_cursor
        first, older = (
            client.get(f"/gallery/{query}").content.decode() for query in ("", f"?before={cursor}")
        )
        assert first.count('loading="lazy"') == 1
        assert older.count('loading="lazy"') == 3

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


class TestFacets:
    def test_engine_and_format_of_what_was_asked_for(self, alice):
        wide = {"options": {"aspect_ratio": "16:9"}}
        make_finished_run(alice, prompt="wide", **wide)
        make_finished_run(alice, prompt="other", engine="apixo/seedream-4-5")
        assert shown(alice, shape="r169") == ["wide"]
        assert shown(alice, engine="apixo/seedream-4-5") == ["other"]
        assert shown(alice, shape="r169", engine="apixo/seedream-4-5") == []

    def test_the_format_of_a_reference_is_known_when_an_image_has_come(self, alice):
        run = make_finished_run(alice, prompt="fox", options={"aspect_ratio": "as-reference"})
        assert shown(alice, shape="r34") == []
        note_shape(run.pk, 768, 1024)
        assert shown(alice, shape="r34") == ["fox"]

    def test_by_day_in_the_time_zone_of_the_team(self, alice):
        alice.team.time_zone = "Asia/Tokyo"
        late = make_finished_run(alice, prompt="late in the evening")
        moment = dt.datetime(2026, 3, 1, 15, 30, tzinfo=dt.UTC)  # the second of March in Tokyo
        Run.objects.filter(pk=late.pk).update(created_at=moment)
        late.images.update(created_at=moment)
        make_finished_run(alice, prompt="now")
        for more in ({}, {"query": "the"}):
            assert shown(alice, until="2026-03-01", **more) == []
            day = {"since": "2026-03-02", "until": "2026-03-02"}
            assert shown(alice, **day, **more) == ["late in the evening"]
        assert shown(alice, when="week") == ["now"]

    def test_every_pair_finds_what_fits_both(self, alice):
        campaign = Campaign.objects.create(team=alice.team, name="Autumn", created_by=alice)
        run = make_finished_run(alice, prompt="fox", campaign=campaign)
        other = make_finished_run(
            make_user(team=alice.team), prompt="wolf", engine="apixo/seedream-4-5"
        )
        for each in (run, other):
            key = each.images.get().pk
            marks.star(alice, [key])
            marks.rate(alice, [key], 4)
            tags.tag(alice, [key], "hero")
        chosen = {
            "query": "fox",
            "campaign": str(campaign.uuid),
            "person": str(alice.uuid),
            "engine": DEMO,
            "starred": "1",
            "rating": "3",
            "tag": str(Tag.objects.get().uuid),
            "shape": "r32",
            "when": "today",
        }
        narrow = ("query", "campaign", "person", "engine")
        for one, two in combinations(chosen, 2):
            found = shown(alice, **{one: chosen[one], two: chosen[two]})
            wanted = ["fox"] if {one, two} & set(narrow) else ["wolf", "fox"]
            assert found == wanted, (one, two)

    def test_a_long_way_without_a_match_stops_and_leads_on(self, alice, monkeypatch):
        monkeypatch.setattr(picked, "BATCH", 2)
        monkeypatch.setattr(picked, "MOST_BATCHES", 1)
        oldest = make_finished_run(alice, prompt="fox").images.get()
        others = make_finished_run(alice, images=2, prompt="wolf").images.all()
        marks.star(alice, [oldest.pk, *(each.pk for each in others)])
        chosen = Filter(starred="1", query="fox")
        first = gallery.page(alice, chosen=chosen)
        assert (first.cards, bool(first.stopped)) == ([], True)
        second = gallery.page(alice, chosen=chosen, cursor=first.next_cursor)
        assert [card.frame.id for card in second.cards] == [f"image-{oldest.uuid}"]

    def test_counts_are_exact_or_the_least(self, alice, bob, monkeypatch):
        make_finished_run(alice, images=2)
        make_finished_run(bob)
        counted = facets.count(alice, Filter())
        assert (counted.in_words, counted.by_value["person"][str(bob.uuid)]) == ("3 images", 1)
        monkeypatch.setattr(facets, "MOST_COUNTED", 2)
        counted = facets.count(alice, Filter())
        assert counted.in_words == "2+ images"
        people = facets.facets(alice, Filter(), counted)[0]
        assert {choice.count for choice in people.choices} == {"1+"}

    def test_a_facet_that_is_chosen_counts_what_else_could_be(self, alice, bob):
        make_finished_run(alice, images=2, prompt="fox")
        make_finished_run(bob, images=3, prompt="fox")
        make_finished_run(bob, prompt="wolf")
        chosen = Filter(query="fox", person=str(alice.uuid))
        counted = facets.count(alice, chosen)
        people = facets.facets(alice, chosen, counted)[0]
        assert {each.label: (each.count, each.is_chosen) for each in people.choices} == {
            str(alice): ("2", True),
            str(bob): ("3", False),
        }
        assert counted.in_words == "2 images"

    def test_a_count_that_stopped_early_says_so(self, alice, monkeypatch):
        monkeypatch.setattr(picked, "BATCH", 1)
        monkeypatch.setattr(picked, "MOST_BATCHES", 2)
        marks.star(alice, [image.pk for image in make_finished_run(alice, images=3).images.all()])
        assert facets.count(alice, Filter(starred="1")).in_words == "2+ images"
        nothing = Filter(starred="1", query="wolf")
        assert facets.count(alice, nothing).in_words == "none among the newest images"

    @pytest.mark.parametrize("chosen", [Filter(), Filter(query="dawn"), Filter(starred="1")])
    def test_twenty_images_need_no_more_queries_than_two(self, alice, chosen):
        def make(count):
            run = make_finished_run(alice, images=count)
            marks.star(alice, [image.pk for image in run.images.all()])

        make(2)
        few = queries_of(lambda: facets.count(alice, chosen))
        make(38)
        assert queries_of(lambda: facets.count(alice, chosen)) == few

    @pytest.mark.parametrize("name", ["starred", "hidden", "rating"])
    def test_what_is_tested_of_picked_images_is_read_with_them(self, alice, name):
        run = make_finished_run(alice, images=20, prompt="fox")
        keys = [image.pk for image in run.images.all()]
        chosen = Filter(query="fox", **{name: "1"})
        marks.star(alice, keys[:2])
        marks.rate(alice, keys[:2], 3)
        Image.objects.filter(pk__in=keys[:2] if name == "hidden" else []).update(
            hidden_at=timezone.now()
        )
        few = queries_of(lambda: gallery.page(alice, chosen=chosen))
        marks.star(alice, keys)
        marks.rate(alice, keys, 3)
        if name == "hidden":
            Image.objects.update(hidden_at=timezone.now())
        assert queries_of(lambda: gallery.page(alice, chosen=chosen)) == few
        assert len(shown(alice, query="fox", **{name: "1"})) == 20

    @pytest.mark.parametrize(
        "query",
        ["from=9999-99-99", "from=0001-01-01&to=9999-12-31", "rating=9", "format=x", "tag=%00"],
    )
    def test_values_that_nothing_has_are_answered(self, alice, sign_in, query):
        make_finished_run(alice)
        client = sign_in(alice)
        assert client.get(f"/gallery/?{query}").status_code == 200
        assert client.get(f"/gallery/counts/?{query}&starred=1").status_code == 200


PICKED_BY = {"starred": "mark_starred", "rating": "mark_rated", "hidden": "image_in_bin_of_team"}


@pytest.mark.parametrize("name", PICKED_BY)
def test_images_that_people_picked_are_read_from_their_index(alice, name):
    run = make_finished_run(alice)
    chosen = Filter(**{name: "1"})
    last = str(run.images.get().uuid)
    for cursor in ("", last):
        page = lambda: gallery.page(alice, cursor=cursor, chosen=chosen)  # noqa: B023, E731
        [plan, *_] = plans_with(page, "IN (SELECT")
        assert PICKED_BY[name] in plan
        assert "TEMP B-TREE" not in plan
        assert "SCAN generations_image" not in plan
