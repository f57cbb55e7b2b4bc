"""The stories of a run and of an image: records tell them, whatever the rows say."""

import uuid

import pytest
from django.urls import reverse

from accounts.events import Event
from accounts.evidence import progress
from accounts.groups import REVIEWERS
from accounts.models import Leaf, Record, RecordPayload, User, Verification
from accounts.sealing import seal
from generations.models import Campaign, Generation, Image, Reference, Rendition, Run
from generations.reading.story import finding
from tests.factories import make_user
from tests.generations.asking import ask, upload
from tests.generations.erasing.orders import erase
from tests.generations.factories import image_file, make_finished_run
from tests.generations.stub import STUB
from tests.generations.telling import tell
from tests.generations.whole import set_up_engine, whole_run
from tests.queries import queries_of
from tests.records import write

pytestmark = pytest.mark.django_db

CHANGED = "Changed since, outside the studio"


@pytest.fixture
def tab(reviewer, sign_in):
    return sign_in(reviewer)


@pytest.fixture
def run(alice, monkeypatch, settings):
    set_up_engine(monkeypatch, settings)
    given = upload(image_file((300, 200)), rights="licensed", licence="Agency, order 7")
    return whole_run(alice, references=[given])


def story(client, run):
    return client.get(reverse("story", args=[run.uuid])).content.decode()


def image_page(client, image):
    return client.get(reverse("log-image", args=[image.uuid])).content.decode()


def record_of(event):
    return Record.objects.select_related("payload").get(event=event)


class TestRun:
    def test_tells_what_was_asked_sent_answered_and_made(self, tab, run):
        page = story(tab, run)
        sent, answer = record_of(Event.GENERATION_REQUESTED), record_of(Event.GENERATION_STORING)
        for text in (
            "a very red fox",
            "snow",
            "Spring",
            "Aurora",
            "1 of 1 made",
            sent.facts["idempotency_key"],
            sent.payload.data["body_sha256"],
            "what the provider told",
            answer.payload.data["answer_body_sha256"],
            "0.031 US dollars",
            run.images.get().original_sha256,
            bytes(record_of(Event.RUN_SUBMITTED).leaf).hex(),
            f"{sent.at:%Y}",
            "UTC",
        ):
            assert text in page, text
        assert CHANGED not in page

    def test_shows_references_with_rights_and_both_hashes(self, tab, run):
        page, reference = story(tab, run), Reference.objects.get()
        assert "We have a licence for it: Agency, order 7" in page
        assert reference.sha256 != reference.upload_sha256
        for text in (reference.sha256, reference.upload_sha256, f"/references/{reference.uuid}/"):
            assert text in page

    def test_a_forged_row_does_not_change_the_story_and_is_named(self, tab, run):
        Run.objects.update(prompt="a blue fox")
        Campaign.objects.update(name="Autumn")
        page = story(tab, run)
        told = page[page.index("asked-title") :]
        assert "a very red fox" in told
        assert "a blue fox" not in told
        assert "Autumn" not in told
        changes = page[page.index(CHANGED) : page.index("asked-title")]
        assert "a blue fox" in changes
        assert "a very red fox" in changes
        assert "Autumn" in changes

    def test_a_name_is_that_of_the_time(self, tab, run, alice, sign_in):
        sign_in(alice).post(reverse("account"), {"name": "Alicia"})
        page = story(tab, run)
        assert '<h2 id="asked-title">Alice Adams</h2>' in page
        assert "now Alicia" in page
        assert CHANGED not in page
        User.objects.filter(pk=alice.pk).update(name="Mallory")
        page = story(tab, run)
        assert "Mallory" in page[page.index(CHANGED) : page.index("asked-title")]
        assert "Mallory" not in page[page.index("asked-title") :]

    def test_each_reading_is_recorded_once_and_shown(self, tab, run, reviewer):
        page = story(tab, run)
        record = Record.objects.get(event=Event.RECORD_READ)
        assert (record.actor, record.subject_id, record.story) == (reviewer, run.uuid, run.uuid)
        assert page.index("readings-title") < page.index(
            str(reviewer), page.index("readings-title")
        )
        story(tab, run)
        assert Record.objects.filter(event=Event.RECORD_READ).count() == 2

    def test_shows_who_took_an_original_and_why(self, tab, run, alice):
        reason = {"reason": "the print shop asks"}
        image = run.images.get()
        write(
            Event.ORIGINAL_DOWNLOADED, actor=alice, subject=image, story=run.uuid, personal=reason
        )
        assert "Reason: the print shop asks" in story(tab, run)

    def test_erased_text_is_said_to_be_erased(self, tab, run):
        RecordPayload.objects.update(salt=None, data=None)
        Run.objects.update(prompt="[erased]")
        page = story(tab, run)
        assert "The text was erased" in page
        assert record_of(Event.RUN_SUBMITTED).personal in page
        assert "a very red fox" not in page
        assert "what the provider told" not in page
        assert CHANGED not in page

    def test_names_its_seal_and_its_neighbours_in_the_log(self, tab, run):
        assert "wait for their seal" in story(tab, run)
        seal()
        page = story(tab, run)
        record = record_of(Event.RUN_SUBMITTED)
        before = Leaf.objects.get(place=record.sealed.place - 1).record_id
        assert f"place {record.sealed.place}" in page
        link = f"{reverse('log')}?number={before}"
        assert f'href="{link}">#{before}</a>' in page
        assert f"#{before}" in tab.get(link).content.decode()
        assert "records of this page are sealed" in page
        assert "have been verified" not in page
        progress.advance()
        assert "of them have been verified" in story(tab, run)
        Verification.objects.update(trouble="Record 1: its payload was changed.")
        assert "have been verified" not in story(tab, run)

    def test_a_run_made_in_place_of_another_leads_to_it(self, tab, alice):
        failed, run = make_finished_run(alice), make_finished_run(alice)
        write(
            Event.RUN_SUBMITTED,
            actor=alice,
            subject=run,
            story=run.uuid,
            facts={"remedy": "fewer", "of": str(failed.uuid)},
        )
        assert reverse("story", args=[failed.uuid]) in story(tab, run)

    def test_a_run_that_no_record_tells_of(self, tab, alice):
        page = story(tab, make_finished_run(alice))
        assert "no record says that it was made" in page

    def test_facts_that_old_records_lack_are_left_out(self, tab, alice):
        run = make_finished_run(alice, prompt="an old fox")
        record = Record.objects.create(
            version=1,
            at=run.created_at,
            event=Event.RUN_SUBMITTED,
            actor=alice,
            subject_kind="run",
            subject_id=run.uuid,
            story=run.uuid,
            facts={"references": [{"sha256": "ab" * 32, "rights": "own"}], "story": str(run.uuid)},
            personal="ab" * 32,
            leaf=bytes(32),
        )
        record.teams.create(at=record.at, event=record.event, actor=alice, team=alice.team)
        RecordPayload.objects.create(record=record, salt=b"s", data={"prompt": "an old fox"})
        page = story(tab, run)
        assert "an old fox" in page
        assert "ab" * 32 in page

    def test_only_asking_for_its_head_reads_nothing(self, tab, run):
        assert tab.head(reverse("story", args=[run.uuid])).status_code == 405
        assert not Record.objects.filter(event=Event.RECORD_READ).exists()

    @pytest.mark.parametrize("name", ["story", "log-image"])
    def test_an_identifier_of_nothing(self, tab, name):
        assert tab.get(reverse(name, args=[uuid.uuid4()])).status_code == 404


class TestWhoMayRead:
    def test_a_run_that_was_given_to_another_team_stays_with_its_readers(self, tab, run, sign_in):
        stranger = make_user(groups=[REVIEWERS])
        Run.objects.update(team=stranger.team)
        Image.objects.update(team=stranger.team)
        image = run.images.get()
        paths = [reverse("story", args=[run.uuid]), reverse("log-image", args=[image.uuid])]
        theirs = sign_in(stranger)
        for path in paths:
            assert CHANGED in tab.get(path).content.decode()
            assert theirs.get(path).status_code == 404

    def test_a_run_whose_row_is_gone_is_still_told(self, tab, alice):
        run = make_finished_run(alice, prompt="a lost fox")
        tell(run)
        Rendition.objects.all().delete()
        image = run.images.get()
        run.images.all().delete()
        page = image_page(tab, image)
        assert "a lost fox" in page
        assert "it is gone" in page
        assert record_of(Event.RECORD_READ).subject_id == image.uuid


class TestImage:
    def test_tells_files_request_answer_and_where_it_comes_from(self, tab, run):
        image = run.images.get()
        page = image_page(tab, image)
        hashes = {row.sha256 for row in image.renditions.all()} | {image.original_sha256}
        for text in (*hashes, "a very red fox", "what the provider told", "0.031 US dollars"):
            assert text in page, text
        assert reverse("story", args=[run.uuid]) in page
        screen = image.renditions.get(recipe="screen")
        assert f"/files/{screen.uuid}" in page

    def test_reading_it_is_recorded_about_the_image(self, tab, run, reviewer):
        image = run.images.get()
        image_page(tab, image)
        record = record_of(Event.RECORD_READ)
        assert (record.actor, record.subject_id, record.story) == (reviewer, image.uuid, run.uuid)

    def test_a_forged_hash_is_named_here_and_not_on_other_images(self, tab, alice):
        run = make_finished_run(alice, images=2)
        tell(run)
        first, second = run.images.all()
        forged = "ef" * 32
        Image.objects.filter(pk=first.pk).update(original_sha256=forged)
        Generation.objects.update(delivered=2, price=run.generations.get().price)
        assert forged in image_page(tab, first)
        assert forged not in image_page(tab, second)

    def test_leads_to_its_neighbours_and_to_what_was_made_from_it(self, tab, alice, run):
        first = run.images.get()
        later = ask(alice, STUB, 1, references=[first])
        assert reverse("story", args=[later.uuid]) in image_page(tab, first)
        assert reverse("log-image", args=[first.uuid]) in story(tab, later)
        two = make_finished_run(alice, images=2)
        tell(two)
        one, other = (reverse("log-image", args=[each.uuid]) for each in two.images.all())
        assert f'rel="next" href="{other}"' in image_page(tab, two.images.first())
        assert f'rel="prev" href="{one}"' in image_page(tab, two.images.last())


class TestErased:
    def test_both_pages_say_what_was_erased_by_whom_and_why(self, tab, run, admin, monkeypatch):
        image = run.images.get()
        erase(monkeypatch, admin, "image", image, reason="the model withdrew")
        erase(monkeypatch, admin, "run", run, reason="asked for by letter")
        for page in (story(tab, run), image_page(tab, image)):
            assert "1 image was erased.</strong> By order of Ada Admin" in page
            assert "Reason: the model withdrew" in page
            assert "The texts of this run were erased.</strong> By order of Ada Admin" in page
            assert "Reason: asked for by letter" in page
            assert CHANGED not in page
            assert "<img " not in page

    def test_who_may_erase_it_gets_a_link(self, tab, run, superuser, sign_in):
        image = run.images.get()
        erase_it = reverse("admin:generations_erasure_add")
        assert erase_it not in story(tab, run) + image_page(tab, image)
        desk = sign_in(superuser)
        assert f"{erase_it}?scope=run&amp;what={run.uuid}" in story(desk, run)
        assert f"{erase_it}?scope=image&amp;what={image.uuid}" in image_page(desk, image)


class TestCost:
    def test_many_images_need_no_more_queries_than_two(self, tab, alice):
        few, many = make_finished_run(alice, images=2), make_finished_run(alice, images=9)
        for run in (few, many):
            tell(run)
        story(tab, few)
        assert queries_of(lambda: story(tab, few)) == queries_of(lambda: story(tab, many))
        first, last = few.images.first(), many.images.first()
        assert queries_of(lambda: image_page(tab, first)) == queries_of(
            lambda: image_page(tab, last)
        )

    def test_a_page_shows_a_bounded_number_of_records_and_readings(self, tab, alice, monkeypatch):
        run = make_finished_run(alice, images=3)
        tell(run)
        monkeypatch.setattr(finding, "MOST_RECORDS", 2)
        monkeypatch.setattr(finding, "MOST_READINGS", 1)
        story(tab, run)
        page = story(tab, run)
        assert "This story has more records than fit here" in page
        assert "These are the newest ones" in page
        assert page.count('id="record-') == 3
