"""Uploads wait for a run: received once, declared once, kept by use, removed when unused."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations import holds, storage, submission
from generations.imaging import UnusableImage
from generations.models import Reference, Run
from generations.submission import SubmissionRefused, receiving
from generations.views import references as views
from tests.factories import make_user
from tests.generations.asking import ask, prepare_uploads, request
from tests.generations.factories import image_file, make_finished_run

pytestmark = pytest.mark.django_db

SCRIPT = {"Accept": "application/json"}
BAD = {
    "empty": (b"", "is empty"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC photo"),
    "svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawing"),
    "text": (b"hello", "not a JPEG, PNG or WebP"),
    "cut": (image_file()[:200], "ends before the image is complete"),
}


def receive(user, size=(64, 48), name="home.png"):
    return submission.receive(user, ContentFile(image_file(size), name)).reference


def events():
    return list(Record.objects.order_by("pk").values_list("event", flat=True))


def too_late():
    Reference.objects.update(kept_until=timezone.now() - timedelta(hours=1))


class TestReceiving:
    def test_a_file_is_kept_before_anybody_says_what_rights_there_are(self, alice):
        reference = receive(alice)
        assert (reference.rights, reference.file_name) == ("", "home.png")
        assert reference.kept_until > timezone.now() + timedelta(days=6)
        assert events() == [Event.REFERENCE_UPLOADED]
        prepare_uploads()
        reference.refresh_from_db()
        assert reference.is_ready

    def test_the_same_bytes_again_are_the_same_upload(self, alice):
        first = receive(alice)
        again = submission.receive(alice, ContentFile(image_file((64, 48)), "copy.png"))
        assert (again.reference, again.is_known) == (first, True)
        assert events() == [Event.REFERENCE_UPLOADED]

    def test_of_two_at_the_same_time_one_stays(self, alice, monkeypatch):
        store = receiving.store_upload

        def store_after_the_other(user, upload):
            monkeypatch.setattr(receiving, "store_upload", store)
            receive(alice)
            store(user, upload)

        monkeypatch.setattr(receiving, "store_upload", store_after_the_other)
        assert submission.receive(alice, ContentFile(image_file((64, 48)))).is_known
        assert Reference.objects.count() == 1

    def test_others_have_their_own_upload(self, alice, team):
        assert receive(alice) != receive(make_user(team=team))

    @pytest.mark.parametrize("kind", BAD)
    def test_what_is_wrong_with_a_file_is_said_in_words(self, alice, kind):
        data, words = BAD[kind]
        with pytest.raises(UnusableImage) as refused:
            submission.receive(alice, ContentFile(data, "trap.png"))
        assert words in str(refused.value.message)
        assert not Reference.objects.exists()

    def test_too_many_unused_uploads_are_refused_and_removing_them_does_not_help(
        self, alice, monkeypatch
    ):
        monkeypatch.setattr(receiving, "MOST_WAITING", 2)
        for number in (1, 2):
            receive(alice, (64, 48 + number))
        prepare_uploads()
        assert submission.remove(Reference.objects.first(), actor=alice)
        with pytest.raises(SubmissionRefused, match="2 files in 7 days"):
            receive(alice)


class TestRights:
    def test_a_run_declares_them_once_on_record(self, alice):
        reference = receive(alice)
        with pytest.raises(SubmissionRefused, match="Say which rights") as refused:
            ask(alice, references=[reference])
        assert refused.value.field == "rights"
        ask(alice, references=[reference], rights="licensed", licence="Agency, order 7")
        reference.refresh_from_db()
        assert (reference.rights, reference.licence) == ("licensed", "Agency, order 7")
        declared = Record.objects.get(event=Event.REFERENCE_DECLARED)
        assert declared.facts == {"rights": "licensed"}
        assert declared.payload.data["licence"] == "Agency, order 7"
        told = Record.objects.get(event=Event.RUN_SUBMITTED).facts["references"][0]
        assert told["rights"] == "licensed"

    def test_what_was_declared_stays(self, alice):
        reference = receive(alice)
        ask(alice, references=[reference], rights="own")
        ask(alice, references=[reference], rights="unsure", prompt="another")
        reference.refresh_from_db()
        assert reference.rights == "own"
        assert events().count(Event.REFERENCE_DECLARED) == 1


class TestUse:
    def test_a_run_keeps_its_uploads_in_their_order(self, alice):
        given = [receive(alice, (64, 40 + number)) for number in range(3)]
        run = ask(alice, references=given[::-1], rights="own")
        used = [each.reference for each in run.run_references.all()]
        assert used == given[::-1]
        assert not Reference.objects.filter(kept_until__isnull=False).exists()
        assert submission.remove_unused() == 0

    def test_an_image_is_one_reference_however_often_it_is_used(self, alice):
        image = make_finished_run(alice).images.first()
        for prompt in ("one", "two"):
            ask(alice, references=[image], prompt=prompt)
        assert Reference.objects.count() == 1


class TestRemoving:
    def test_what_nobody_used_is_removed_with_its_file(self, alice):
        reference = receive(alice)
        prepare_uploads()
        reference.refresh_from_db()
        name = reference.name
        assert submission.remove_unused() == 0
        too_late()
        submission.remove_unused()
        reference.refresh_from_db()
        assert not storage.originals().exists(name)
        assert (reference.name, reference.file_name, reference.kept_until) == ("", "", None)
        assert reference.problem == "It was removed because no run used it."
        assert events()[-1] == Event.REFERENCE_DROPPED
        assert submission.remove_unused() == 0

    def test_a_file_that_another_reference_shares_stays(self, alice):
        used, unused = receive(alice), receive(make_user(team=alice.team))
        prepare_uploads()
        ask(alice, references=[Reference.objects.get(pk=used.pk)], rights="own")
        too_late()
        Reference.objects.filter(pk=used.pk).update(kept_until=None)
        submission.remove_unused()
        used.refresh_from_db()
        assert storage.originals().exists(used.name)
        unused.refresh_from_db()
        assert unused.erased_at

    def test_what_is_being_cleaned_or_held_stays(self, alice):
        reference = receive(alice)
        too_late()
        assert not submission.remove(reference)
        prepare_uploads()
        holds.place("person", alice, reason="a dispute", actor=alice)
        submission.remove_unused()
        reference.refresh_from_db()
        assert reference.erased_at is None

    def test_a_removed_one_is_refused_at_the_press(self, alice):
        reference = receive(alice)
        prepare_uploads()
        submission.remove(Reference.objects.get(), actor=alice)
        asked = request(references=[Reference.objects.get(pk=reference.pk)], rights="own")
        with pytest.raises(SubmissionRefused, match="can't be used"):
            submission.submit(alice, asked)
        assert not Run.objects.exists()


class TestView:
    @pytest.fixture
    def tab(self, sign_in, alice):
        return sign_in(alice)

    def send(self, tab, *files, **headers):
        data = {"references": list(files)}
        return tab.post(reverse("reference-upload"), data, headers=headers or SCRIPT)

    def file(self, data=None, name="a.png"):
        return SimpleUploadedFile(name, image_file() if data is None else data)

    def test_a_script_gets_the_identifier_or_what_is_wrong(self, tab):
        [received] = self.send(tab, self.file()).json()["files"]
        assert received == {"uuid": str(Reference.objects.get().uuid), "known": False}
        hostile = '<script>alert(1)</script>"; ../../etc.png'
        [refused] = self.send(tab, self.file(b"GIF89a", hostile)).json()["files"]
        assert "can't be used" in refused["problem"]
        assert self.send(tab).status_code == 400

    def test_without_scripts_the_composer_comes_back_with_the_files(self, tab):
        page = self.send(tab, self.file(), self.file(b"hello", "<b>.txt"), Accept="text/html")
        text = page.content.decode()
        assert f'name="references" value="{Reference.objects.get().uuid}"' in text
        assert "“&lt;b&gt;.txt” can&#x27;t be used." in text

    def test_without_scripts_rights_can_be_said_with_the_file(self, tab):
        text = tab.get(reverse("studio")).text
        assert 'name="rights"' in text.partition("<noscript>")[2]
        assert 'capture="environment"' in text

    def test_a_folder_of_files_is_bounded_with_a_word(self, tab, monkeypatch):
        monkeypatch.setattr(views.tray, "MOST_AT_ONCE", 1)
        page = self.send(tab, self.file(), self.file(image_file((70, 70))), Accept="text/html")
        assert "Only the first 1 file was taken." in page.content.decode()
        assert Reference.objects.count() == 1

    def test_rights_are_declared_before_the_press(self, tab, alice):
        reference = receive(alice)
        given = {"references": str(reference.uuid)}
        page = tab.post(reverse("reference-rights"), given | {"rights": ""}).content.decode()
        assert "Say which rights" in page
        page = tab.post(reverse("reference-rights"), given | {"rights": "client"}).content.decode()
        assert "Our client owns it" in page
        reference.refresh_from_db()
        assert reference.rights == "client"

    def test_only_the_owner_removes_an_upload(self, tab, sign_in, alice, team):
        reference = receive(alice)
        prepare_uploads()
        address = reverse("reference-remove", args=[reference.uuid])
        assert sign_in(make_user(team=team)).post(address).status_code == 404
        assert [tab.post(address).status_code for _ in range(2)] == [303, 303]
        reference.refresh_from_db()
        assert reference.erased_at
        assert events().count(Event.REFERENCE_DROPPED) == 1
