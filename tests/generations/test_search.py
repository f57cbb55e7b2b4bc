"""The gallery's search, from the run that is made to the page that shows what was found."""

import re

import pytest
from django.core.management import call_command
from django.db import transaction
from django.urls import reverse

from accounts.search import stretches
from generations.gallery_filters import Filter
from generations.models import Campaign, Image, IndexedPrompt, Run
from generations.models.prompt_index import index_next
from generations.reading import gallery, search
from generations.reading.search import what_was_searched
from tests.generations.asking import ask
from tests.generations.factories import make_finished_run, make_run
from tests.queries import plans_of, queries_of

pytestmark = pytest.mark.django_db


def shown(user, query="", *, cursor="", **chosen):
    page = gallery.page(user, cursor=cursor, chosen=Filter(query=query, **chosen))
    return [card.frame.alt.partition(": ")[2] for card in page.cards]


class TestRunsAreIndexed:
    def test_a_run_is_found_as_soon_as_it_is_made(self, alice):
        run = ask(alice, prompt="a red fox")
        assert IndexedPrompt.objects.filter(pk=run.pk).exists()

    def test_a_run_that_is_not_made_leaves_no_words(self, alice):
        with transaction.atomic():
            run = make_run(alice)
            transaction.set_rollback(True)
        assert not IndexedPrompt.objects.filter(pk=run.pk).exists()

    def test_the_command_finds_runs_that_the_index_lacks(self, alice, capsys):
        for prompt in ("an old fox", "a young fox"):
            make_finished_run(alice, prompt=prompt)
        IndexedPrompt.objects.filter(pk=Run.objects.earliest("pk").pk).delete()
        assert shown(alice, "old") == []
        call_command("index_prompts")
        assert "1 runs" in capsys.readouterr().out
        assert shown(alice, "old") == ["an old fox"]

    def test_the_command_can_index_all_anew(self, alice):
        run = make_finished_run(alice, prompt="a fox")
        Run.objects.filter(pk=run.pk).update(prompt="a wolf")
        call_command("index_prompts")
        assert shown(alice, "wolf") == []
        call_command("index_prompts", "--again")
        assert shown(alice, "wolf") == ["a wolf"]

    def test_what_was_indexed_stays_when_it_is_interrupted(self, alice, monkeypatch):
        monkeypatch.setattr("generations.models.prompt_index.BATCH", 2)
        runs = [make_run(alice) for _ in range(5)]
        IndexedPrompt.objects.all().delete()
        first = index_next(Run.objects.all(), after=0)
        assert first == (runs[1].pk, 2)
        again = index_next(Run.objects.all(), after=0)
        assert again == (runs[1].pk, 0)
        assert index_next(Run.objects.all(), after=runs[-1].pk) == (0, 0)


class TestFilters:
    def test_words_campaign_and_person_together(self, alice, bob):
        campaign = Campaign.objects.create(team=alice.team, name="Autumn", created_by=alice)
        make_finished_run(alice, prompt="fox of alice", campaign=campaign)
        make_finished_run(bob, prompt="fox of bob", campaign=campaign)
        make_finished_run(bob, prompt="fox elsewhere")
        make_finished_run(bob, prompt="wolf of bob", campaign=campaign)
        both = {"campaign": str(campaign.uuid), "person": str(bob.uuid)}
        assert shown(alice, **both) == ["wolf of bob", "fox of bob"]
        assert shown(alice, "fox", **both) == ["fox of bob"]

    def test_a_campaign_or_person_of_another_team_finds_nothing(self, alice, charlie):
        campaign = Campaign.objects.create(team=charlie.team, name="Winter", created_by=charlie)
        make_finished_run(charlie, campaign=campaign)
        make_finished_run(alice)
        assert shown(alice, campaign=str(campaign.uuid)) == []
        assert shown(alice, person=str(charlie.uuid)) == []
        assert shown(alice, "ridges", person=str(charlie.uuid)) == []

    def test_hidden_images_and_runs_without_images_are_passed_over(self, alice):
        make_finished_run(alice, prompt="fox, seen")
        for _ in range(70):  # More than one batch.
            make_run(alice, prompt="fox, nothing came")
        hidden = make_finished_run(alice, prompt="fox, hidden")
        hidden.images.update(hidden_at=hidden.created_at)
        assert shown(alice, "fox") == ["fox, seen"]


class TestPages:
    @pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 12])
    def test_all_pages_are_all_images_once(self, alice, monkeypatch, size):
        monkeypatch.setattr(gallery, "PAGE_SIZE", size)
        for images in (3, 1, 4, 4):
            make_finished_run(alice, images=images, prompt="fox")
            make_finished_run(alice, images=1, prompt="wolf")
        cursor, seen = "", []
        for _ in range(20):
            page = gallery.page(alice, cursor=cursor, chosen=Filter(query="fox"))
            seen += [card.frame.id for card in page.cards]
            cursor = page.next_cursor
            if not cursor:
                break
        wanted = Image.objects.filter(run__prompt="fox").order_by("-run_id", "-id")
        assert seen == [f"image-{image.uuid}" for image in wanted]

    def test_a_cursor_of_another_team_leads_to_the_first_page(self, alice, charlie):
        make_finished_run(alice, prompt="fox")
        theirs = make_finished_run(charlie, prompt="fox").images.get()
        assert shown(alice, "fox", cursor=str(theirs.uuid)) == ["fox"]
        assert shown(alice, "fox", cursor="\0") == ["fox"]

    def test_twenty_images_need_no_more_queries_than_two(self, alice):
        make_finished_run(alice, images=2)
        few = queries_of(lambda: shown(alice, "ridges"))
        for _ in range(9):
            make_finished_run(alice, images=2)
        assert queries_of(lambda: shown(alice, "ridges")) == few


def pages(user, query):
    """All pages of a search, as (prompts, what is said about where it stopped)."""
    cursor = ""
    for _ in range(20):
        page = gallery.page(user, cursor=cursor, chosen=Filter(query=query))
        yield [card.frame.alt.partition(": ")[2] for card in page.cards], page.stopped
        cursor = page.next_cursor
        if not cursor:
            return
    pytest.fail("The search does not end.")


class TestASearchThatStops:
    @pytest.fixture
    def _small(self, monkeypatch):
        monkeypatch.setattr(stretches, "BITS", 0)  # each run is a stretch
        monkeypatch.setattr(stretches, "MOST_READ", 2)
        monkeypatch.setattr(stretches, "READ_AT_ONCE", 1)

    @pytest.fixture
    def _apart(self, alice, _small):
        """Two words that are together in the oldest run only."""
        make_finished_run(alice, prompt="dusk and dawn")
        for word in ("dusk", "dawn", "dusk", "dawn"):
            make_run(alice, prompt=word)

    @pytest.mark.usefixtures("_apart")
    def test_says_so_and_leads_on(self, alice, sign_in):
        found = list(pages(alice, "dusk dawn"))
        assert [prompt for prompts, _ in found for prompt in prompts] == ["dusk and dawn"]
        assert all(stopped.startswith("Searched back to ") for _, stopped in found[:-1])
        assert found[-1][1] == ""
        text = sign_in(alice).get(reverse("gallery"), {"q": "dusk dawn"}).content.decode()
        assert "Older images have not been searched yet." in text
        assert "Search further back" in text
        assert "Nothing found" not in text
        assert "revealed" not in text  # Only a click searches on.

    @pytest.mark.usefixtures("_apart")
    def test_its_last_page_says_that_there_is_nothing_more(self, alice, sign_in, monkeypatch):
        oldest = Run.objects.earliest("pk").pk
        monkeypatch.setattr(stretches, "MOST_PASSED", oldest + 1)
        query = {"q": "dusk dawn", "before": str(oldest)}
        text = sign_in(alice).get(reverse("gallery"), query).content.decode()
        assert "No older image was found." in text

    def test_runs_without_images_are_looked_up_in_parts(self, alice, monkeypatch):
        monkeypatch.setattr(search, "BATCHES", (1, 2))
        make_finished_run(alice, prompt="fox, seen")
        for _ in range(7):
            make_run(alice, prompt="fox, nothing came")
        found = list(pages(alice, "fox"))
        assert [prompts for prompts, _ in found] == [[], [], ["fox, seen"]]

    @pytest.mark.parametrize("cursor", ["9" * 15, "9" * 16, "-1", "²", "1e3"])
    def test_a_stretch_that_does_not_exist_leads_to_the_first_page(self, alice, cursor):
        make_finished_run(alice, prompt="fox")
        assert shown(alice, "fox", cursor=cursor) == ["fox"]

    def test_no_search_reads_all_images_of_the_team(self, alice):
        make_finished_run(alice, prompt="fox")
        [plan] = plans_of(lambda: shown(alice, "fox"), "generations_image")
        assert not re.search(r"\(team_id ?=", plan)


class TestWords:
    def test_what_was_searched_is_said(self, alice, sign_in):
        text = sign_in(alice).get(reverse("gallery"), {"q": "Große wo"}).content.decode()
        assert "Searched for all of: “grosse”, “wo”. The last may be the beginning" in text

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ("", ""),
            ("狐狸 x", "Searched for all of: “狐狸”, “x”."),
            ("!🦊", "A search needs at least one letter or digit."),
            ("one two " * 9, "Only the first words were searched:"),
        ],
    )
    def test_sentences(self, query, sentence):
        assert what_was_searched(query).startswith(sentence)

    @pytest.mark.parametrize(
        "query", ["🦊", "\0", "!", "\u0301", '"*-NEAR(', "x" * 10_000, "狐" * 10_000]
    )
    def test_any_text_is_answered(self, alice, sign_in, query):
        make_finished_run(alice, prompt="ridges")
        text = sign_in(alice).get(reverse("gallery"), {"q": query}).content.decode()
        assert "Nothing found" in text
        assert len(text) < 50_000
