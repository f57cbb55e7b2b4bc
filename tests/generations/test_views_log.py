"""The reviewer's pages: who may read them, what they say, and that reading a prompt is recorded."""

import pytest
from django.urls import reverse

from accounts import ledger
from accounts.audit.vocabulary import COUNTS, TABLE
from accounts.events import Event
from accounts.groups import AUDITORS
from accounts.models import Record
from generations.reading import stories
from generations.reading.sentences import in_words, short_hash
from tests.factories import make_user
from tests.generations.asking import DEMO, ask
from tests.generations.factories import make_finished_run
from tests.generations.telling import tell
from tests.queries import queries_of
from tests.records import SAMPLES, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def tab(reviewer, sign_in_by_page):
    return sign_in_by_page(reviewer)


def text(client, path):
    return client.get(path).content.decode()


class TestWhoMayRead:
    @pytest.mark.parametrize("who", ["alice", "admin", "charlie"])
    def test_without_the_right_there_is_no_log(self, request, alice, sign_in, who):
        run = ask(alice)
        client = sign_in(request.getfixturevalue(who))
        for path in (reverse("log"), reverse("story", args=[run.uuid])):
            assert client.get(path).status_code == 404
        assert not Record.objects.filter(event=Event.RECORD_READ).exists()

    def test_nobody_is_sent_to_sign_in(self, client):
        assert client.get(reverse("log")).status_code == 302

    def test_a_reviewer_reads_of_the_own_team_alone(self, tab, alice, charlie):
        ours, theirs = ask(alice), ask(charlie)
        page = text(tab, reverse("log"))
        assert reverse("story", args=[ours.uuid]) in page
        assert str(theirs.uuid) not in page
        assert "Charlie Clark" not in page
        assert tab.get(reverse("story", args=[theirs.uuid])).status_code == 404

    def test_an_auditor_reads_the_stories_of_all_teams_with_their_images(self, sign_in, charlie):
        auditor = make_user(groups=[AUDITORS])
        run = make_finished_run(charlie, files=True)
        tell(run)
        write(Event.IMAGE_DOWNLOADED, actor=charlie, subject=run.images.get(), story=run.uuid)
        client = sign_in(auditor)
        path = reverse("story", args=[run.uuid])
        assert path in text(client, reverse("log"))
        assert run.prompt in text(client, path)
        preview = run.images.get().renditions.get(recipe="preview")
        assert client.get(f"/files/{preview.uuid}.webp").getvalue()

    def test_a_team_mates_act_on_another_team_leads_to_no_story(self, tab, charlie, reviewer):
        theirs = make_finished_run(charlie)
        image = theirs.images.get()
        write(Event.IMAGE_DOWNLOADED, actor=reviewer, subject=image, story=theirs.uuid)
        page = text(tab, reverse("log"))
        assert "Image downloaded" in page[page.index("<tbody>") :]
        assert str(theirs.uuid) not in page
        assert "/files/" not in page


class TestLog:
    def test_says_in_words_what_happened(self, tab, alice):
        run = ask(alice, num_images=2)
        page = text(tab, reverse("log"))
        record = Record.objects.get(event=Event.RUN_SUBMITTED)
        assert "Run submitted" in page
        assert "2 images, Seedream 4.5 (demo), 1:1, 2K, 4 credits" in page
        assert f"#{record.pk:,}" in page
        assert short_hash(bytes(record.leaf).hex()[:8]) in page
        assert reverse("story", args=[run.uuid]) in page

    def test_shows_no_prompt_and_records_no_reading(self, tab, alice):
        ask(alice, prompt="a very secret fox")
        assert "secret fox" not in text(tab, reverse("log"))
        assert not Record.objects.filter(event=Event.RECORD_READ).exists()

    def test_shows_images_beside_what_is_about_them(self, tab, alice):
        image = make_finished_run(alice).images.get()
        write(Event.IMAGE_DOWNLOADED, actor=alice, subject=image, story=image.run.uuid)
        preview = image.renditions.get(recipe="preview")
        assert f"/files/{preview.uuid}.webp" in text(tab, reverse("log"))

    def test_names_whom_a_change_of_credits_is_about(self, tab, alice, admin):
        ledger.set_limit(alice, 700, actor=admin, reason="a campaign")
        page = text(tab, reverse("log"))
        assert "Alice Adams: 500 to 700 credits" in page
        assert "a campaign" not in page

    def test_by_person(self, tab, alice, bob):
        ask(alice)
        ask(bob, num_images=3)
        page = text(tab, f"{reverse('log')}?person={bob.uuid}")
        assert "3 images" in page
        assert "4 images" not in page

    def test_by_event(self, tab, alice):
        ask(alice)
        page = text(tab, f"{reverse('log')}?event={Event.USER_SIGNED_IN}")
        rows = page[page.index("<tbody>") : page.index("</tbody>")]
        assert "Signed in" in rows
        assert "Run submitted" not in rows

    @pytest.mark.parametrize("query", ["person=x", "event=x", "before=x", "person=%00"])
    def test_an_invalid_query_string_is_ignored(self, tab, query):
        assert tab.get(f"{reverse('log')}?{query}").status_code == 200

    def test_older_records_follow_without_a_gap(self, tab, alice, reviewer, monkeypatch):
        monkeypatch.setattr(stories, "PAGE_SIZE", 2)
        for _ in range(5):
            ask(alice, num_images=1)
        cursor, seen = "", []
        while True:
            page = stories.page(reviewer, cursor=cursor)
            seen += [row.number for row in page.rows]
            cursor = page.next_cursor
            if not cursor:
                break
        newest_first = Record.objects.order_by("-at", "-pk").values_list("pk", flat=True)
        assert seen == [f"{pk:,}" for pk in newest_first]
        assert 'rel="next"' in text(tab, reverse("log"))

    def test_twenty_records_need_no_more_queries_than_two(self, tab, alice):
        def one_of_each():
            image = make_finished_run(alice).images.get()
            write(Event.IMAGE_DOWNLOADED, actor=alice, subject=image, story=image.run.uuid)

        one_of_each()
        few = queries_of(lambda: tab.get(reverse("log")))
        for _ in range(19):
            one_of_each()
        assert queries_of(lambda: tab.get(reverse("log"))) == few


FACTS = {
    "engine": DEMO,
    "images": 2,
    "credits": 4,
    "options": {"aspect_ratio": "3:2", "resolution": "2K"},
    "references": [{"sha256": "0" * 64, "rights": "own"}],
}


class TestSentences:
    @pytest.mark.parametrize(
        ("event", "facts", "words"),
        [
            (Event.RUN_SUBMITTED, FACTS, "2 images, Seedream 4.5 (demo), 3:2, 2K, 1 reference"),
            (Event.RUN_RETRIED, {"images": 1, "credits": 2}, "1 image, 2 credits"),
            (Event.GENERATION_SUBMITTING, {"engine": "x/y", "attempt": 3}, "x/y, attempt 3"),
            (Event.GENERATION_RUNNING, {"engine": "x/y", "task_id": "t1"}, "x/y, task t1"),
            (
                Event.GENERATION_QUEUED,
                {"engine": "x/y", "error": "rate_limited"},
                "The provider takes no more requests at the moment, x/y",
            ),
            (
                Event.GENERATION_SUCCEEDED,
                {"delivered": 3, "credits_spent": 6, "credits_released": 2},
                "3 images, 6 credits spent, 2 credits returned",
            ),
            (
                Event.GENERATION_FAILED,
                {"error": "timeout", "credits_released": 1},
                "The provider ran out of time, 1 credit returned",
            ),
            (Event.GENERATION_DECIDED, {"decision": "release"}, "The credits were released"),
            (
                Event.IMAGE_STORED,
                {"width": 9, "height": 6, "format": "PNG", "original_sha256": "ab" * 32},
                "9×6, PNG, original abab abab abab abab",
            ),
            (Event.IMAGE_MISSED, {"error": "image_invalid"}, "The provider sent a file that"),
            (Event.REFERENCE_UPLOADED, {"rights": "own"}, "declared as our own"),
            (
                Event.ALLOWANCE_LIMIT_SET,
                {"before": 5, "after": 7, "month": "2026-11"},
                "5 to 7 credits, 2026-11",
            ),
            (Event.USER_CHANGED, {"changed": ["name", "is_staff"]}, "name, is staff"),
            (Event.ADMIN_CHANGED, {"before": {"per_minute": 1}}, "per minute"),
            (Event.USER_SIGNED_IN, {}, ""),
            ("of:tomorrow", {"some": "fact"}, ""),
        ],
    )
    def test_facts_in_words(self, event, facts, words):
        assert in_words(event, facts).startswith(words)
        assert bool(in_words(event, facts)) == bool(words)

    @pytest.mark.parametrize("event", Event)
    def test_asks_only_for_facts_that_are_declared(self, event):
        declared = (*TABLE[event].facts, *(COUNTS if TABLE[event].counted else ()))
        facts = Asked({value.name: SAMPLES[value.kind] for value in declared})
        in_words(event, facts)
        assert facts.names <= facts.keys()


class Asked(dict):
    """Facts that remember the names which were asked for."""

    def __init__(self, facts):
        super().__init__(facts)
        self.names = set()

    def get(self, name, *default):
        self.names.add(name)
        return super().get(name, *default)

    def __getitem__(self, name):
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name):
        self.names.add(name)
        return super().__contains__(name)
