"""The reviewer's pages: who may read them, what they say, and that reading a prompt is recorded."""

import uuid
from html import unescape
from importlib import import_module
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone, translation

from accounts import ledger, operations
from accounts.audit import searching
from accounts.audit.searching import Asked
from accounts.audit.vocabulary import COUNTS, TABLE
from accounts.events import Event
from accounts.groups import AUDITORS, REVIEWERS
from accounts.models import Record, RecordPayload
from generations import saved_searches
from generations.forms import log as log_form
from generations.reading import log
from generations.reading.sentences import in_words, short_hash
from tests.factories import make_user
from tests.generations.asking import DEMO, ask
from tests.generations.factories import make_finished_run
from tests.generations.telling import tell
from tests.queries import queries_of
from tests.records import SAMPLES, said, write

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
        assert path in text(client, f"{reverse('log')}?steps=1")
        assert run.prompt in text(client, path)
        preview = run.images.get().renditions.get(recipe="preview")
        assert client.get(f"/files/{preview.uuid}.jpg").getvalue()

    def test_a_team_mates_act_on_another_team_leads_to_no_story(self, tab, charlie, reviewer):
        theirs = make_finished_run(charlie)
        image = theirs.images.get()
        write(Event.IMAGE_DOWNLOADED, actor=reviewer, subject=image, story=theirs.uuid)
        page = text(tab, reverse("log"))
        assert "Image downloaded" in page[page.index("<tbody>") :]
        assert str(theirs.uuid) not in page
        assert "/files/" not in page


class TestLog:
    """One line for each run, and for each record that belongs to none."""

    def test_a_run_is_one_line_with_prompt_images_and_outcome(self, tab, alice):
        run = make_finished_run(alice, images=3)
        submitted(run, alice, prompt="a <red> fox", images=3)
        write(Event.GENERATION_SUCCEEDED, actor=None, subject=run.generations.get(),
              story=run.uuid, facts={"delivered": 3})  # fmt: skip
        page = rows_of(text(tab, reverse("log")))
        assert page.count("<tr>") == 2  # and that the reviewer has signed in
        assert "a &lt;red&gt; fox" in page
        assert "3 images, Seedream 4.5 (demo), 3:2, 2K" in page
        assert '<span class="badge badge-ok">3 images</span>' in page
        assert page.count("/files/") == 2
        assert "+1" in page
        assert reverse("story", args=[run.uuid]) in page

    def test_every_record_is_listed_on_demand(self, tab, alice):
        run = ask(alice)
        write(
            Event.GENERATION_RUNNING, actor=None, subject=run.generations.all()[0], story=run.uuid
        )
        assert "Accepted by provider" not in rows_of(text(tab, reverse("log")))
        page = rows_of(text(tab, f"{reverse('log')}?steps=1"))
        assert "Accepted by provider" in page
        record = Record.objects.get(event=Event.RUN_SUBMITTED)
        assert f"#{record.pk}" in page
        assert short_hash(bytes(record.leaf).hex()[:8]) in page

    def test_a_number_is_found_as_pages_show_it_and_as_people_write_it(self, tab, alice):
        ask(alice)
        record = Record.objects.get(event=Event.RUN_SUBMITTED)
        for asked in (
            {"q": f" #{record.pk}"},
            {"number": f"#{record.pk}"},
            {"number": f" {record.pk:,}"},
            {"number": f"0'00{record.pk}"},
        ):
            page = rows_of(text(tab, f"{reverse('log')}?{urlencode(asked)}"))
            assert f"#{record.pk}<" in page
            assert page.count("<time") == 1
        assert "Nothing found" in text(tab, f"{reverse('log')}?q=%23red")

    def test_what_programs_record_of_themselves_is_listed_on_demand(self, sign_in, superuser, tab):
        operations.started("web")
        operations.stopped("web")
        run = ask(superuser)
        browser = sign_in(superuser)
        page = rows_of(text(browser, reverse("log")))
        assert reverse("story", args=[run.uuid]) in page
        for title in ("Program started", "Program stopped", "Settings recorded"):
            assert title not in page
        page = rows_of(text(browser, f"{reverse('log')}?programs=1"))
        assert page.count("<time") == 3
        for title in ("Program started", "Program stopped", "Settings recorded for the first time"):
            assert title in page
        assert "Program started" in rows_of(text(browser, f"{reverse('log')}?steps=1"))
        assert "Nothing found" in text(tab, f"{reverse('log')}?programs=1")

    def test_older_records_of_programs_leave_the_list_too(self, sign_in, superuser, monkeypatch):
        with monkeypatch.context() as before:
            before.setattr("accounts.audit.index.OF_PROGRAMS", ())
            operations.started("web")
        ask(superuser)
        browser = sign_in(superuser)
        assert "Program started" in rows_of(text(browser, reverse("log")))
        import_module("accounts.migrations.0018_programs_in_the_index").index_again(apps, None)
        assert "Program started" not in rows_of(text(browser, reverse("log")))
        assert "Program started" in rows_of(text(browser, f"{reverse('log')}?programs=1"))

    def test_an_erased_prompt_is_said_to_be_erased(self, tab, alice):
        run = ask(alice, prompt="a very secret fox")
        RecordPayload.objects.filter(record__story=run.uuid).update(salt=None, data=None)
        page = text(tab, reverse("log"))
        assert "secret fox" not in page
        assert "The prompt has been erased." in page

    def test_shows_images_beside_what_is_about_them(self, tab, alice):
        image = make_finished_run(alice).images.get()
        write(Event.IMAGE_DOWNLOADED, actor=alice, subject=image, story=image.run.uuid)
        preview = image.renditions.get(recipe="preview")
        assert f"/files/{preview.uuid}.jpg" in text(tab, f"{reverse('log')}?steps=1")

    def test_names_whom_a_change_of_credits_is_about_and_why(self, tab, alice, admin):
        ledger.set_limit(alice, 700, actor=admin, reason="a campaign")
        page = text(tab, reverse("log"))
        assert "Alice Adams: 500 to 700 credits, " in page
        assert "a campaign" in page

    def test_older_lines_follow_without_a_gap(self, alice, reviewer, monkeypatch):
        monkeypatch.setattr(log.listing, "PAGE_SIZE", 2)
        monkeypatch.setattr(searching, "BATCHES", (3, 4))
        runs = [ask(alice, num_images=1) for _ in range(5)]
        asked = Asked(engine=DEMO)
        cursor, seen = "", []
        while True:
            page = log.page(reviewer, asked, cursor=cursor)
            seen += [line.story for line in page.lines]
            cursor = page.next_cursor
            if not cursor:
                break
        assert seen == [reverse("story", args=[run.uuid]) for run in reversed(runs)]

    @pytest.mark.parametrize("query", ["", "?steps=1", "?q=ridges", "?engine=demo/seedream-4-5"])
    def test_twelve_lines_need_no_more_queries_than_two(self, tab, alice, query):
        def one_of_each():
            run = make_finished_run(alice)
            submitted(run, alice, prompt="ridges at dawn")
            image = run.images.get()
            write(Event.IMAGE_DOWNLOADED, actor=alice, subject=image, story=run.uuid)

        one_of_each()
        one_of_each()
        tab.get(reverse("log") + query)  # the reading of these prompts is recorded
        few = queries_of(lambda: tab.get(reverse("log") + query))
        for _ in range(10):
            one_of_each()
        assert queries_of(lambda: tab.get(reverse("log") + query)) == few


class TestSearch:
    """Filters are in the URL; each search is recorded with what was searched for."""

    def search(self, tab, **asked):
        return text(tab, f"{reverse('log')}?{urlencode(asked)}")

    def test_words_person_event_and_dates(self, tab, alice, bob):
        ask(alice, prompt="a red fox")
        ask(bob, prompt="a red fox in the snow")
        today = timezone.localdate().isoformat()
        for asked in ({"q": "red fox"}, {"event": "run:submitted"}, {"from": today, "to": today}):
            page = rows_of(self.search(tab, person=bob.uuid, **asked))
            assert "in the snow" in page
            assert page.count("<tr>") == 1
        assert "Nothing found" in self.search(tab, q="fox", to="2020-01-01")
        assert "Nothing found" in self.search(tab, q="fox", **{"from": "2999-01-01"})

    def test_every_record_of_a_day_or_of_a_team(self, tab, sign_in, alice, charlie):
        ask(alice, prompt="a fox")
        ask(charlie)
        today = timezone.localdate().isoformat()
        assert "a fox" in self.search(tab, steps=1, **{"from": today, "to": today})
        assert "Nothing found" in self.search(tab, steps=1, to="2020-01-01")
        auditor = sign_in(make_user(groups=[AUDITORS]))
        page = rows_of(self.search(auditor, steps=1, team=charlie.team.uuid))
        assert "Charlie Clark" in page
        assert "Alice Adams" not in page

    def test_whoever_has_too_many_to_choose_from_writes_them(
        self, sign_in, alice, charlie, monkeypatch
    ):
        monkeypatch.setattr(log_form, "MOST_CHOICES", 0)
        ask(alice, prompt="a red fox", campaign="Spring")
        ask(charlie, prompt="a blue fox", campaign="Spring")
        auditor = sign_in(make_user(groups=[AUDITORS]))
        both = {"campaign": "spring", "team": alice.team.name}
        for asked in (both, {"person": alice.email, "q": "fox"}):
            page = self.search(auditor, **asked)
            assert 'placeholder="E-mail of a person"' in page
            assert "a red fox" in rows_of(page)
            assert "a blue fox" not in rows_of(page)
        assert "Choose a team too" in self.search(auditor, campaign="spring")
        assert "There is no team of this name" in self.search(auditor, team="Nobody")

    def test_is_recorded_with_what_was_asked_as_text_of_a_person(self, tab, reviewer, alice):
        ask(alice, prompt="a red fox")
        self.search(tab, q="red fox", event="run:submitted")
        record = Record.objects.get(event=Event.LOG_SEARCHED)
        assert (record.actor, record.facts) == (reviewer, {"filters": ["event", "q"], "listed": 1})
        assert said(record) == {"asked": {"q": "red fox", "event": "run:submitted"}}
        text(tab, reverse("log"))
        assert Record.objects.get(event=Event.LOG_OPENED).facts["listed"] > 1
        assert tab.head(reverse("log")).status_code == 405

    def test_filters_are_told_in_words(self, reviewer, bob):
        asked = {"q": "fox", "person": str(bob.uuid), "event": "run:submitted", "steps": "1"}
        form = log_form.LogForm(asked, reader=reviewer)
        assert form.in_words == ["Words: fox", "Person: Bob Brown", "Event: Run submitted"]
        assert form.as_query == f"q=fox&person={bob.uuid}&event=run%3Asubmitted"

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({"q": "!?"}, "at least one letter or digit"),
            ({"q": "x" * 1_000_000}, "at most 1000 characters"),
            ({"q": "a\0b"}, "Null characters are not allowed"),
            ({"person": "x"}, "Nobody in the list has this e-mail address"),
            ({"person": "\0"}, "Null characters are not allowed"),
            ({"event": "run:guessed"}, "The log has no event of this name"),
            ({"from": "yesterday"}, "Choose a day between"),
            ({"to": "0001-01-01"}, "Choose a day between"),
            ({"to": "9999-12-31"}, "Choose a day between"),
            ({"from": "2026-11-02", "to": "2026-11-01"}, "The last day is before the first"),
            ({"team": str(uuid.uuid4())}, "Only people who read the whole log"),
            ({"campaign": "spring"}, "There is no campaign of this name"),
            ({"status": "fine"}, "There is no outcome of this name"),
            ({"number": "1" * 16}, "Write the number of a record in digits"),
            ({"number": "１２"}, "Write the number of a record in digits"),
            ({"hash": "abc"}, "at least its first 8 characters"),
            ({"engine": "e" * 101}, "at most 100 characters"),
        ],
    )
    def test_a_bad_value_is_named_and_nothing_is_searched(self, tab, asked, words):
        response = tab.get(reverse("log"), asked)
        assert response.status_code == 200
        page = unescape(response.content.decode())
        assert words in page
        assert "Nothing was searched." in page
        assert len(page) < 60_000
        assert not Record.objects.filter(event__in=[Event.LOG_SEARCHED, Event.LOG_OPENED])

    @pytest.mark.parametrize(
        "asked",
        [
            {"q": "\u202efox\u202c"},
            {"person": str(uuid.uuid4())},
            {"campaign": str(uuid.uuid4())},
            {"number": "999,999,999"},
            {"hash": "00000000"},
            {"before": "x"},
            {"before": "9" * 30},
            {"before": "\0"},
            {"before": "x", "steps": "1"},
            {"number": "0", "steps": "1"},
            {"file": "../../etc/passwd"},
            {"task": "\u202e"},
        ],
    )
    def test_a_value_that_names_nothing_finds_nothing(self, tab, asked):
        assert tab.get(reverse("log"), asked).status_code == 200

    def test_only_whoever_reads_the_whole_log_chooses_teams_and_all_people(
        self, tab, sign_in, alice, charlie
    ):
        ask(alice)
        ask(charlie)
        assert 'name="team"' not in text(tab, reverse("log")).replace(
            'type="hidden" name="team"', ""
        )
        assert "Charlie" not in text(tab, reverse("log"))
        auditor = sign_in(make_user(groups=[AUDITORS]))
        page = self.search(auditor, team=charlie.team.uuid, event="run:submitted")
        assert "Charlie Clark" in rows_of(page)
        assert "Alice Adams" not in rows_of(page)
        assert "Alice Adams" in page


class TestSavedSearches:
    def save(self, tab, name="Foxes", query="q=red+fox"):
        return tab.post(reverse("log-searches"), {"name": name, "query": query}, follow=True)

    def test_are_kept_for_their_person_under_a_name(self, tab, sign_in, alice, reviewer):
        self.save(tab)
        page = self.save(tab, query="q=blue+fox&status=failed").content.decode()
        [search] = reviewer.saved_searches.all()
        assert f'href="{reverse("log")}?q=blue+fox&amp;status=failed">Foxes' in page
        saved = Record.objects.filter(event=Event.LOG_SEARCH_SAVED).order_by("pk")
        assert said(saved[0]) == {"title": "Foxes", "asked": {"q": "red fox"}}
        other = sign_in(make_user(team=reviewer.team, groups=[REVIEWERS]))
        assert "Foxes" not in text(other, reverse("log"))
        path = reverse("log-search-delete", args=[search.uuid])
        assert other.post(path).status_code == 404
        assert tab.post(path).status_code == 303
        assert not reviewer.saved_searches.exists()
        assert Record.objects.filter(event=Event.LOG_SEARCH_DELETED).count() == 1

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"query": "q="}, "no valid filter"),
            ({"query": "event=nothing"}, "no valid filter"),
            ({"name": ""}, "give a name"),
            ({"name": "x" * 61}, "give a name"),
            ({"name": "\0"}, "give a name"),
        ],
    )
    def test_what_is_wrong_is_said(self, tab, reviewer, given, words):
        assert words in self.save(tab, **given).content.decode()
        assert not reviewer.saved_searches.exists()

    def test_nobody_keeps_more_than_the_page_can_list(self, tab, reviewer, monkeypatch):
        monkeypatch.setattr(saved_searches, "MOST", 1)
        self.save(tab)
        assert "Delete one first" in self.save(tab, name="More").content.decode()
        assert reviewer.saved_searches.count() == 1


def submitted(run, person, *, prompt, images=1):
    """The record of a run that a factory has made."""
    facts = FACTS | {"images": images, "generations": [str(run.generations.get().uuid)]}
    personal = {"prompt": prompt, "negative_prompt": None}
    return write(
        Event.RUN_SUBMITTED,
        actor=person,
        subject=run,
        story=run.uuid,
        facts=facts,
        personal=personal,
    )


def rows_of(page):
    return page[page.index("<tbody>") : page.index("</tbody>")]


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
            (Event.USER_CHANGED, {"changed": ["name", "is_staff"]}, "name, may enter the admin"),
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
        facts = Noted({value.name: SAMPLES[value.kind] for value in declared})
        in_words(event, facts)
        assert facts.names <= facts.keys()


class Noted(dict):
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


def test_the_filter_names_events_in_the_language_of_the_page(reviewer):
    def names(language):
        with translation.override(language):
            return str(log_form.LogForm({}, reader=reviewer)["event"])

    english, chinese = names("en"), names("zh-hans")
    assert f">{Event.RUN_SUBMITTED.label}</option>" in english
    assert english != chinese
    assert names("en") == english
