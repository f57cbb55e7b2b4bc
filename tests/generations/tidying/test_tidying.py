"""What people do with images: each act changes what they may see, once, and is on the record."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.events import Event
from accounts.groups import REVIEWERS
from accounts.models import Record
from generations import holds, storage
from generations.exports.asking import ExportRefused
from generations.exports.registry import file_name, kind_of
from generations.gallery_filters import Filter
from generations.models import Campaign, Export, Image, Mark, Rendition, Run, Tag, TagOfImage
from generations.reading import gallery
from generations.tidying import bin, campaigns, marks, packing, tags
from tests.factories import make_user
from tests.generations.factories import make_finished_run
from tests.queries import queries_once

pytestmark = pytest.mark.django_db


def keys(run):
    return list(run.images.order_by("pk").values_list("pk", flat=True))


def recorded(event):
    return list(Record.objects.filter(event=event).order_by("pk"))


def shown(user, **chosen):
    page = gallery.page(user, chosen=Filter(**chosen))
    return [card.frame.alt.partition(": ")[2] for card in page.cards]


class TestBin:
    def test_hidden_images_are_in_the_bin_and_can_be_restored(self, alice, bob):
        run = make_finished_run(alice, images=2, prompt="fox")
        hidden = bin.hide(bob, keys(run))
        assert (hidden.count, shown(alice), shown(alice, hidden="1")) == (2, [], ["fox", "fox"])
        assert bin.restore(alice, keys(run)) == 2
        assert (shown(alice), shown(alice, hidden="1")) == (["fox", "fox"], [])

    def test_a_second_press_changes_and_records_nothing(self, alice):
        run = make_finished_run(alice, images=2)
        bin.hide(alice, keys(run))
        assert bin.hide(alice, keys(run)).count == 0
        [record] = recorded(Event.IMAGES_HIDDEN)
        wanted = sorted(str(uuid) for uuid in run.images.values_list("uuid", flat=True))
        assert (record.facts["images"], sorted(record.facts["chosen"])) == (2, wanted)

    def test_one_image_stands_in_the_story_of_its_run(self, alice):
        run = make_finished_run(alice)
        bin.hide(alice, keys(run))
        assert recorded(Event.IMAGES_HIDDEN)[0].story == run.uuid

    def test_more_than_a_record_holds_makes_several(self, alice, monkeypatch):
        monkeypatch.setattr("generations.tidying.chosen.MOST_ITEMS", 2)
        bin.hide(alice, keys(make_finished_run(alice, images=3)))
        assert [each.facts["images"] for each in recorded(Event.IMAGES_HIDDEN)] == [2, 1]

    def test_undo_restores_what_was_hidden_then_and_nothing_else(self, alice):
        first, second = make_finished_run(alice), make_finished_run(alice)
        bin.hide(alice, keys(first))
        hidden = bin.hide(alice, keys(second))
        assert bin.restore_of(alice, hidden.at) == 1
        assert Image.objects.visible_to(alice).get().run == second

    def test_after_thirty_days_it_leaves_the_bin_and_nothing_is_deleted(self, alice):
        run = make_finished_run(alice)
        Image.objects.update(hidden_at=timezone.now() - timedelta(days=31))
        assert shown(alice, hidden="1") == []
        assert bin.restore(alice, keys(run)) == 0
        assert Rendition.objects.filter(image__run=run).exists()

    def test_erased_and_foreign_images_are_left_alone(self, alice, charlie):
        theirs = make_finished_run(charlie)
        erased = make_finished_run(alice)
        erased.images.update(hidden_at=timezone.now(), erased_at=timezone.now())
        assert bin.hide(alice, keys(theirs)).count == 0
        assert bin.restore(alice, keys(erased)) == 0
        assert Image.objects.get(run=theirs).hidden_at is None

    def test_reviewers_still_see_its_files(self, alice, bob, sign_in):
        run = make_finished_run(alice, files=True)
        Image.objects.update(hidden_at=timezone.now() - timedelta(days=31))
        preview = Rendition.objects.get(image__run=run, recipe="preview")
        address = reverse("rendition", args=[preview.uuid, "jpg"])
        reviewer = make_user(team=alice.team, groups=[REVIEWERS])
        assert sign_in(bob).get(address).status_code == 404
        response = sign_in(reviewer).get(address)
        assert response.status_code == 200
        response.getvalue()


class TestMarks:
    def test_stars_and_ratings_are_ones_own(self, alice, bob):
        run = make_finished_run(alice, images=2, prompt="fox")
        make_finished_run(alice, prompt="wolf")
        marks.star(alice, keys(run)[:1])
        marks.rate(alice, keys(run), 4)
        assert shown(alice, starred="1") == ["fox"]
        assert shown(alice, rating="4") == ["fox", "fox"]
        assert (shown(alice, rating="5"), shown(bob, starred="1")) == ([], [])
        marks.star(alice, keys(run), on=False)
        assert shown(alice, starred="1") == []
        assert Mark.objects.filter(rating=4).count() == 2

    def test_nothing_of_another_team(self, alice, charlie):
        assert marks.star(alice, keys(make_finished_run(charlie))) == 0


class TestTags:
    def test_a_tag_is_the_teams_and_goes_with_its_last_image(self, alice, bob):
        run = make_finished_run(alice, images=2, prompt="fox")
        assert tags.tag(alice, keys(run), "Hero") == 2
        assert tags.tag(bob, keys(run), "hero") == 0
        tag = Tag.objects.get()
        assert shown(bob, tag=str(tag.uuid)) == ["fox", "fox"]
        assert len(recorded(Event.IMAGES_TAGGED)) == 1
        assert tags.untag(bob, keys(run), tag) == 2
        assert not TagOfImage.objects.exists()
        assert not Tag.objects.exists()

    def test_a_team_has_so_many(self, alice, monkeypatch):
        monkeypatch.setattr(tags, "MOST_TAGS", 1)
        run = make_finished_run(alice)
        tags.tag(alice, keys(run), "one")
        with pytest.raises(tags.TooManyTags):
            tags.tag(alice, keys(run), "two")


class TestCampaigns:
    @pytest.fixture
    def spring(self, alice):
        return Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)

    def test_whole_runs_move_and_are_found_there(self, alice, spring):
        run = make_finished_run(alice, images=2, prompt="fox")
        assert campaigns.move(alice, keys(run)[:1], spring).count == 1
        assert shown(alice, campaign=str(spring.uuid)) == ["fox", "fox"]
        assert campaigns.move(alice, keys(run), spring).count == 0
        assert campaigns.move(alice, keys(run), None).count == 2
        assert shown(alice, campaign=str(spring.uuid)) == []
        assert len(recorded(Event.IMAGES_MOVED)) == 2

    def test_a_held_campaign_keeps_its_runs(self, alice, spring, admin):
        run = make_finished_run(alice, campaign=spring)
        holds.place("campaign", spring, reason="a dispute", actor=admin)
        moved = campaigns.move(alice, keys(run), None)
        assert (moved.count, moved.held) == (0, 1)
        assert Run.objects.get().campaign == spring


class TestPacking:
    def test_the_same_again_is_the_same_zip(self, alice):
        run = make_finished_run(alice, images=2)
        first = packing.pack(alice, keys(run), names="{n}")
        assert packing.pack(alice, keys(run), names="{n}") == first
        assert len(recorded(Event.IMAGES_PACKED)) == len(recorded(Event.EXPORT_ASKED)) == 1

    def test_what_is_too_large_is_refused_before_it_begins(self, alice, monkeypatch):
        run = make_finished_run(alice)
        Rendition.objects.update(bytes=10**9)
        monkeypatch.setattr(storage, "free_bytes", lambda: 10**9)
        with pytest.raises(ExportRefused, match="no room"):
            packing.pack(alice, keys(run), names="{n}")
        monkeypatch.setattr(packing, "MOST_BYTES", 10**8)
        with pytest.raises(ExportRefused, match="no room"):
            packing.pack(alice, keys(run), names="{n}")
        assert not Export.objects.exists()

    def test_more_than_a_zip_holds_becomes_several(self, alice, monkeypatch):
        run = make_finished_run(alice, images=5)
        Rendition.objects.update(bytes=10)
        monkeypatch.setattr(packing, "MOST_BYTES", 25)
        zips = packing.pack(alice, keys(run), names="{n}")
        assert [len(each.options["images"]) for each in zips] == [2, 2, 1]
        assert [each.options["before"] for each in zips] == [0, 2, 4]
        assert kind_of(zips[1]).in_words(zips[1]) == "2 images, ZIP 2 of 3"
        assert file_name(zips[2]).endswith("-3-of-3.zip")
        assert packing.pack(alice, keys(run), names="{n}") == zips
        assert len(recorded(Event.IMAGES_PACKED)) == 3

    def test_more_than_may_be_open_at_once_is_refused(self, alice, monkeypatch):
        run = make_finished_run(alice, images=packing.MOST_ZIPS + 1)
        Rendition.objects.update(bytes=10)
        monkeypatch.setattr(packing, "MOST_BYTES", 10)
        with pytest.raises(ExportRefused, match="Choose fewer"):
            packing.pack(alice, keys(run), names="{n}")
        assert not Export.objects.exists()


@pytest.mark.parametrize(
    "act", [bin.hide, marks.star, lambda user, keys: tags.tag(user, keys, "x")]
)
def test_twenty_images_cost_an_act_no_more_queries_than_two(alice, act):
    make_finished_run(alice)
    few, many = keys(make_finished_run(alice, images=2)), keys(make_finished_run(alice, images=20))
    act(alice, keys(make_finished_run(alice, images=2)))
    with_few = queries_once(lambda: act(alice, few))
    assert queries_once(lambda: act(alice, many)) == with_few
