"""Who reads whose prompts is on the record, once where pages repeat, and authors see it."""

import importlib

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from accounts.audit import readings
from accounts.events import Event
from accounts.groups import AUDITORS
from accounts.models import Reading, Record, RecordPayload
from generations.reading import feed
from generations.reading.sentences import in_words
from tests.factories import make_user
from tests.generations.asking import ask
from tests.generations.factories import make_finished_run
from tests.generations.test_views_studio import press
from tests.queries import plans_of, queries_of
from tests.records import write

pytestmark = pytest.mark.django_db

fill = importlib.import_module("generations.migrations.0016_readings_of_old_records").fill


def seen():
    """The authors of each record of prompts seen, oldest first."""
    found = Record.objects.filter(event=Event.PROMPTS_SEEN).order_by("pk")
    return [(record.facts["where"], set(record.facts["authors"])) for record in found]


class TestTeamMates:
    @pytest.fixture(autouse=True)
    def _runs(self, alice, bob):
        for author in (alice, bob):
            make_finished_run(author, files=True)

    def test_prompts_on_the_page_are_recorded_once_a_day(self, sign_in, alice, bob):
        client = sign_in(alice)
        for address in ("/", "/", reverse("gallery"), reverse("feed-older")):
            assert client.get(address).status_code == 200
        assert seen() == [("studio", {str(bob.uuid)})]
        record = Record.objects.get(event=Event.PROMPTS_SEEN)
        assert (record.actor, record.subject_team) == (alice, alice.team.uuid)

    @pytest.mark.parametrize("page", ["gallery", "image"])
    def test_each_page_that_shows_prompts_counts(self, sign_in, alice, bob, page):
        image = bob.runs.get().images.get()
        sign_in(alice).get(reverse(page, args=[image.uuid] if page == "image" else []))
        assert seen() == [(page, {str(bob.uuid)})]

    def test_another_day_counts_again(self, sign_in, alice, bob):
        client = sign_in(alice)
        client.get("/")
        Reading.objects.update(day=timezone.now().date() - timezone.timedelta(days=1))
        readings.cache.clear()
        client.get("/")
        assert len(seen()) == 2

    def test_a_new_author_is_recorded_alone(self, sign_in, alice, bob, team):
        client = sign_in(alice)
        client.get("/")
        carol = make_user(team=team)
        make_finished_run(carol)
        client.get("/")
        assert seen()[1:] == [("studio", {str(carol.uuid)})]

    def test_polls_and_own_prompts_are_not_recorded(self, sign_in, alice):
        client = sign_in(alice)
        client.get(reverse("live"))
        client.get(f"/?scope={feed.Scope.MINE}")
        assert seen() == []

    def test_costs_nothing_the_second_time(self, alice, bob):
        assert queries_of(lambda: readings.note_prompts_seen(alice, [bob.pk], where="studio")) == 0

    def test_without_the_cache_it_costs_one_query(self, alice, bob):
        def note():
            readings.cache.clear()
            readings.note_prompts_seen(alice, [bob.pk], where="studio")

        assert queries_of(note) == 1


class TestLog:
    def test_prompts_in_the_list_are_recorded_once_a_day(self, sign_in, alice, bob, reviewer):
        press(sign_in(bob), prompt="a blue fox", num_images="99")  # refused
        ask(alice, prompt="a red fox")
        client = sign_in(reviewer)
        for _ in range(2):
            client.get(reverse("log"))
        assert seen() == [("log", {str(alice.uuid), str(bob.uuid)})]
        assert set(Reading.objects.values_list("author", "reader", "page")) == {
            (author.pk, reviewer.pk, Reading.Page.LOG) for author in (alice, bob)
        }
        record = Record.objects.get(event=Event.PROMPTS_SEEN)
        assert in_words(record.event, record.facts) == "of 2 people, Log"

    def test_lines_without_a_prompt_are_no_reading(self, sign_in, alice, bob, reviewer):
        ask(alice)
        RecordPayload.objects.update(salt=None, data=None)
        write(Event.USER_CHANGED, actor=bob, subject=bob)
        assert "has been erased" in sign_in(reviewer).get(reverse("log")).content.decode()
        assert seen() == []

    def test_listing_prompts_again_costs_at_most_one_query(self, sign_in, alice, reviewer):
        ask(alice)
        client = sign_in(reviewer)
        client.get(reverse("log"))
        known = queries_of(lambda: client.get(reverse("log")))
        readings.cache.clear()
        assert queries_of(lambda: client.get(reverse("log"))) <= known + 1

    def test_words_searched_in_the_gallery_are_in_the_payload(self, sign_in, alice):
        sign_in(alice).get(reverse("gallery"), {"q": "red fox"})
        record = Record.objects.get(event=Event.GALLERY_SEARCHED)
        assert record.payload.data["filters"] == {"query": "red fox"}
        assert "fox" not in str(record.facts)

    def test_browsing_the_gallery_is_no_search(self, sign_in, alice):
        sign_in(alice).get(reverse("gallery"))
        assert not Record.objects.filter(event=Event.GALLERY_SEARCHED)


class TestWhoLooked:
    def page(self, client, **query):
        return client.get(reverse("account-readings"), query).content.decode()

    def test_an_author_sees_who_read_what(self, sign_in, alice, bob, reviewer):
        run = make_finished_run(alice, files=True)
        image = run.images.get()
        auditor = make_user(groups=[AUDITORS], name="Olga Outside")
        root = make_user(team=alice.team, is_superuser=True, name="Root Rowe")
        sign_in(bob).get("/")
        for reader in (reviewer, auditor):
            sign_in(reader).get(reverse("story", args=[run.uuid]))
        address = reverse("image-original", args=[image.uuid])
        sign_in(root).post(address, {"reason": "print"}).getvalue()
        text = self.page(sign_in(alice))
        for name in ("Bob Brown", "Rae Reviewer", "Olga Outside", "Root Rowe"):
            assert name in text
        pages = ("The studio or the gallery", "The whole story of a run", "An original without")
        assert all(page in text for page in pages)

    def test_older_stories_and_originals_are_listed_too(self, alice, bob):
        run = make_finished_run(alice)
        image = run.images.get()
        for event, subject in (
            (Event.RECORD_READ, run),
            (Event.ORIGINAL_DOWNLOADED, image),
            (Event.IMAGE_DOWNLOADED, image),
        ):
            for actor in (alice, bob):
                write(event, actor=actor, subject=subject, story=run.uuid)
        columns = ("record", "author", "reader", "page", "day", "created_at")
        listed = list(Reading.objects.order_by("pk").values_list(*columns))
        Reading.objects.all().delete()
        fill(apps, None)
        assert list(Reading.objects.order_by("pk").values_list(*columns)) == listed
        assert len(listed) == 2

    def test_what_people_do_with_their_own_prompts_is_left_out(self, sign_in, reviewer):
        run = make_finished_run(reviewer)
        client = sign_in(reviewer)
        client.get(reverse("story", args=[run.uuid]))
        assert "Nobody has looked" in self.page(client)

    def test_nobody_sees_who_looked_at_another_persons_prompts(self, sign_in, alice, bob, charlie):
        make_finished_run(alice)
        sign_in(bob).get("/")
        for other in (bob, charlie):
            assert "Nobody has looked" in self.page(sign_in(other))

    def test_pages_follow_one_another_and_cost_what_they_show(self, sign_in, alice, bob):
        run = make_finished_run(alice)
        client = sign_in(alice)
        write(Event.RECORD_READ, actor=bob, subject=run, story=run.uuid)
        few = queries_of(lambda: self.page(client))
        for _ in range(60):
            write(Event.RECORD_READ, actor=bob, subject=run, story=run.uuid)
        assert queries_of(lambda: self.page(client)) == few
        first = client.get(reverse("account-readings")).context["page"]
        second = client.get(reverse("account-readings"), {"before": first.next_cursor})
        rows = [*first.rows, *second.context["page"].rows]
        assert (len(first.rows), len(rows), len(set(rows))) == (50, 61, 61)
        assert second.context["page"].next_cursor == ""

    def test_the_list_is_read_from_its_index(self, sign_in, alice, bob):
        client = sign_in(alice)
        plans = plans_of(lambda: self.page(client), Reading._meta.db_table)
        assert "reading_newest_of_author" in plans[0]

    def test_people_in_no_group_may_look_too(self, sign_in):
        assert "Nobody has looked" in self.page(sign_in(make_user(groups=[])))
