"""What originals carry when they arrive, and how admins learn that an engine stopped marking."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import notices
from accounts.events import Event
from accounts.models import Notice, Record
from generations.jobs.execution import upstream
from generations.labelling.metadata.splice import insert_xmp
from generations.models import Image, UpstreamMark
from generations.notice_kinds import MARKS_STOPPED
from generations.providers.types import InlineImage, Result
from generations.readiness.watch import Watch
from generations.reading import provider_status
from generations.reading.sentences import in_words
from tests.generations import whole
from tests.generations.asking import APIXO
from tests.generations.factories import image_file
from tests.generations.labelling.packets import make_mark, make_packet
from tests.generations.stub import STUB, let_submit
from tests.queries import queries_of

pytestmark = pytest.mark.django_db

MARKED, PLAIN = {"looked": "1", "aigc": "1"}, {"looked": "1"}


@pytest.fixture
def studio(monkeypatch, settings):
    whole.set_up_engine(monkeypatch, settings)


def come(monkeypatch, data: bytes) -> None:
    """Let the next images of the engine be these."""
    let_submit(monkeypatch, Result(images=(InlineImage(data),)))


def marked(prompt: str = "") -> bytes:
    mark = make_mark(ReservedCode1=prompt)
    return insert_xmp(image_file((700, 700)), make_packet(f"<TC260:AIGC>{mark}</TC260:AIGC>"))


def note(*kept, engine=APIXO):
    for each in kept:
        upstream.note(engine, each)


def told():
    """The titles of the notices about it that last, after two looks."""
    eye = Watch()
    eye.look_at(0)
    eye.look_at(60)
    rows = Notice.objects.filter(kind=MARKS_STOPPED.name, ended_at__isnull=True)
    return [str(MARKS_STOPPED.title) % row.facts for row in rows]


class TestOnArrival:
    def test_what_the_original_carried_is_kept_and_recorded(self, alice, studio, monkeypatch):
        come(monkeypatch, marked())
        run = whole.whole_run(alice)

        kept = run.images.get().arrived_with

        assert (kept["aigc"], kept["xmp"]) == ("1", "readable")
        assert Record.objects.get(event=Event.IMAGE_STORED).facts["arrived_with"] == kept
        assert UpstreamMark.objects.get().engine == STUB

    def test_no_word_of_the_prompt_is_kept(self, alice, studio, monkeypatch):
        come(monkeypatch, marked("a very red fox"))
        run = whole.whole_run(alice)

        assert "fox" not in str(run.images.get().arrived_with)
        assert "fox" not in str(Record.objects.get(event=Event.IMAGE_STORED).facts)

    def test_the_story_says_so(self, alice, studio, monkeypatch):
        come(monkeypatch, marked())
        whole.whole_run(alice)

        facts = Record.objects.get(event=Event.IMAGE_STORED).facts

        assert "marked by its provider: AIGC" in in_words(Event.IMAGE_STORED, facts)

    def test_an_original_without_marks(self, alice, studio):
        whole.whole_run(alice)

        assert Image.objects.get().arrived_with == {"looked": "1"}
        assert not UpstreamMark.objects.exists()


class TestStopped:
    def test_an_engine_that_never_marked_is_no_news(self):
        note(PLAIN, PLAIN, PLAIN, PLAIN)

        assert told() == []

    def test_admins_are_told_after_three_in_a_row(self):
        note(MARKED, PLAIN, PLAIN)
        assert told() == []

        note(PLAIN)

        (title,) = told()
        assert "AIGC is missing" in title

    def test_one_in_between_starts_the_count_again(self):
        note(MARKED, PLAIN, PLAIN, MARKED, PLAIN)

        assert told() == []

    def test_each_kind_of_mark_counts_for_itself(self):
        note(MARKED | {"c2pa": "valid"}, MARKED, MARKED, MARKED)

        (title,) = told()
        assert "C2PA is missing" in title

    def test_it_ends_when_the_engine_marks_again(self):
        note(MARKED, PLAIN, PLAIN, PLAIN)
        assert told()

        note(MARKED)

        assert told() == []

    def test_after_a_month_it_is_an_engine_that_does_not_mark(self):
        note(MARKED, PLAIN, PLAIN, PLAIN)
        assert told()
        UpstreamMark.objects.update(missing_since=timezone.now() - timedelta(days=31))

        assert told() == []

    def test_the_page_of_the_providers_says_so(self, settings):
        configured = {"base_url": "https://api.apixo.ai/api/v1", "keys": {1: "key"}}
        settings.PROVIDERS = {**settings.PROVIDERS, "apixo": configured}
        note(MARKED, PLAIN, PLAIN, PLAIN)

        keys = {key.provider: key for key in provider_status.keys(timezone.get_default_timezone())}

        assert "AIGC was last seen" in keys["apixo"].lost_marks[0]

    def test_it_costs_the_same_after_a_thousand_images(self):
        note(MARKED)
        few = queries_of(lambda: note(PLAIN))
        UpstreamMark.objects.update(missing=1_000)

        assert queries_of(lambda: note(PLAIN)) == few == 2

    def test_marks_that_come_as_ever_are_not_written_each_time(self):
        note(MARKED)

        assert queries_of(lambda: note(MARKED)) == 1


def test_the_kind_of_notice_is_declared():
    assert MARKS_STOPPED in notices.declared()
