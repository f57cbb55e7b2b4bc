"""An image's page and files: who gets them, with which label or reason, and what is recorded."""

import hashlib
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations import storage
from generations.labelling import read_xmp
from generations.models import Campaign, Image, Reference, Rendition, RunReference
from tests.generations.factories import make_finished_run, make_image, make_reference
from tests.queries import queries_of
from tests.records import said, write

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def image(alice) -> Image:
    return make_finished_run(alice, prompt="a red fox", files=True).images.get()


@pytest.fixture
def tab(alice, sign_in):
    return sign_in(alice)


def body(response):
    return response.getvalue()  # reading a response to its end closes its file


def status(client, path):
    response = client.get(path)
    body(response)
    return response.status_code


def path_of(rendition: Rendition) -> str:
    extension = {"PNG": "png", "JPEG": "jpg"}[rendition.format]
    return reverse("rendition", args=[rendition.uuid, extension])


def every_address(image: Image) -> list[str]:
    names = ("image", "image-download", "image-original")
    return [
        *(reverse(name, args=[image.uuid]) for name in names),
        *(path_of(rendition) for rendition in image.renditions.all()),
        reverse("reference", args=[image.uuid]),
    ]


class TestWhoMaySee:
    def test_a_team_mate_may(self, image, bob, sign_in):
        client = sign_in(bob)
        assert status(client, reverse("image", args=[image.uuid])) == 200
        assert status(client, path_of(image.renditions.first())) == 200

    def test_to_a_stranger_nothing_exists(self, image, charlie, sign_in):
        client = sign_in(charlie)
        assert {status(client, path) for path in every_address(image)} == {404}

    def test_an_anonymous_visitor_is_sent_to_sign_in(self, image, client):
        assert {status(client, path) for path in every_address(image)} == {302}

    def test_an_image_hidden_long_ago_is_gone_with_all_its_files(self, image, tab):
        Image.objects.update(hidden_at=timezone.now() - timedelta(days=31))
        assert {status(tab, path) for path in every_address(image)} == {404}

    def test_an_image_in_the_bin_is_only_looked_at(self, image, tab):
        Image.objects.update(hidden_at=timezone.now())
        assert status(tab, path_of(image.renditions.first())) == 200
        for name in ("image", "image-download"):
            assert status(tab, reverse(name, args=[image.uuid])) == 404

    def test_an_unknown_identifier_is_not_found(self, tab):
        for name in ("image", "image-download", "reference"):
            assert tab.get(reverse(name, args=[uuid.uuid4()])).status_code == 404

    def test_nothing_is_recorded_for_those_who_get_nothing(self, image, charlie, sign_in):
        client = sign_in(charlie)
        before = Record.objects.count()
        for path in every_address(image):
            status(client, path)
        assert Record.objects.count() == before


class TestPage:
    def text(self, client, image, **options):
        return client.get(reverse("image", args=[image.uuid]), **options).content.decode()

    def test_tells_all_about_it(self, image, tab):
        full = image.renditions.get(recipe="full")
        text = self.text(tab, image)
        for fact in ("a red fox", "96×64", "3:2", "2K", "2 credits", "Alice Adams", full.sha256):
            assert fact in text
        assert 'alt="Image generated with AI: a red fox"' in text

    def test_shows_the_labelled_image_and_not_the_original(self, image, tab):
        screen = image.renditions.get(recipe="screen")
        assert path_of(screen) in self.text(tab, image)

    def test_comes_as_a_fragment_for_the_dialog(self, image, tab):
        text = self.text(tab, image, headers=HTMX)
        assert text.lstrip().startswith("<title>")
        assert "<html" not in text

    def test_coming_back_through_the_history_gets_the_page(self, image, tab):
        headers = {"HX-History-Restore-Request": "true"}
        response = tab.get(reverse("image", args=[image.uuid]), headers=headers)
        assert "<html" in response.content.decode()
        assert "HX-Request" in response["Vary"]

    def test_links_to_the_other_images_of_the_run(self, alice, tab):
        first, second, third = make_finished_run(alice, images=3).images.all()
        middle = self.text(tab, second)
        assert f'data-prev href="/images/{first.uuid}/"' in middle
        assert f'data-next href="/images/{third.uuid}/"' in middle
        assert "data-prev" not in self.text(tab, first)
        assert "data-next" not in self.text(tab, third)

    def test_names_campaign_and_references(self, image, alice, tab):
        campaign = Campaign.objects.create(team=alice.team, name="Autumn", created_by=alice)
        image.run.campaign = campaign
        image.run.save(update_fields=["campaign"])
        reference = make_reference(alice)
        RunReference.objects.create(run=image.run, reference=reference, position=0)
        text = self.text(tab, image)
        assert "Autumn" in text
        assert "Prompt and 1 reference" in text
        assert reverse("reference", args=[reference.uuid]) in text

    def test_what_somebody_may_not_do_is_not_shown(self, image, tab):
        text = self.text(tab, image)
        assert reverse("image-original", args=[image.uuid]) not in text
        assert reverse("log-image", args=[image.uuid]) not in text

    def test_a_reviewer_finds_the_story(self, image, reviewer, sign_in):
        write(Event.IMAGE_STORED, actor=None, subject=image, story=image.run.uuid)
        assert reverse("log-image", args=[image.uuid]) in self.text(sign_in(reviewer), image)

    def test_more_images_need_no_more_queries(self, alice, tab):
        run = make_finished_run(alice, images=2)
        address = reverse("image", args=[run.images.first().uuid])
        few = queries_of(lambda: tab.get(address))
        for index in range(2, 20):
            make_image(run.generations.get(), index, files=False)
        assert queries_of(lambda: tab.get(address)) == few


class TestDownload:
    def test_is_the_labelled_file_with_a_name(self, image, tab):
        response = tab.get(reverse("image-download", args=[image.uuid]))
        data = body(response)
        assert response["Content-Type"] == "image/png"
        name = f"seedream-{image.created_at:%Y-%m-%d}-{str(image.uuid)[:8]}.png"
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'
        assert hashlib.sha256(data).hexdigest() == image.renditions.get(recipe="full").sha256
        assert b"trainedAlgorithmicMedia" in read_xmp(data)
        assert b"red fox" not in data

    def test_is_on_the_record(self, image, alice, tab):
        status(tab, reverse("image-download", args=[image.uuid]))
        record = Record.objects.get(event=Event.IMAGE_DOWNLOADED)
        assert (record.actor, record.subject_id) == (alice, image.uuid)
        assert record.story == image.run.uuid
        assert record.facts["recipe"] == "full"
        assert record.facts["sha256"] == image.renditions.get(recipe="full").sha256

    def test_a_file_that_is_lost_is_not_found_and_not_recorded(self, image, tab):
        full = image.renditions.get(recipe="full")
        storage.renditions().delete(full.name)
        assert tab.get(reverse("image-download", args=[image.uuid])).status_code == 404
        assert not Record.objects.filter(event=Event.IMAGE_DOWNLOADED).exists()


class TestRendition:
    @pytest.mark.parametrize(
        ("recipe", "kind"),
        [("full", "image/png"), ("screen", "image/jpeg"), ("preview", "image/jpeg")],
    )
    def test_is_kept_by_the_browser_and_by_nobody_between(self, image, tab, recipe, kind):
        rendition = image.renditions.get(recipe=recipe)
        response = tab.get(path_of(rendition))
        assert hashlib.sha256(body(response)).hexdigest() == rendition.sha256
        assert response["Content-Type"] == kind
        assert response["Cache-Control"] == "private, max-age=31536000, immutable"
        assert response["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("extension", ["jpg", "html", "svg", "PNG", "png.html"])
    def test_under_another_extension_there_is_nothing(self, image, tab, extension):
        full = image.renditions.get(recipe="full")
        path = reverse("rendition", args=[full.uuid, "png"]).replace("png", extension)
        assert tab.get(path).status_code == 404

    def test_a_file_that_is_lost_is_not_found(self, image, tab):
        preview = image.renditions.get(recipe="preview")
        storage.renditions().delete(preview.name)
        assert status(tab, path_of(preview)) == 404
        assert status(tab, reverse("reference", args=[image.uuid])) == 404

    def test_viewing_is_not_recorded_as_a_download(self, image, tab):
        status(tab, path_of(image.renditions.first()))
        assert not Record.objects.filter(event=Event.IMAGE_DOWNLOADED).exists()


class TestReference:
    def test_an_upload_is_shown_to_the_team(self, bob, tab):
        reference = make_reference(bob)
        response = tab.get(reverse("reference", args=[reference.uuid]))
        assert response["Content-Type"] == "image/png"
        assert body(response) == storage.read(storage.originals(), reference.name)

    def test_for_an_image_made_here_only_the_labelled_preview_is_shown(self, image, alice, tab):
        reference = make_reference(alice, name=image.original_name, image=image)
        preview = image.renditions.get(recipe="preview")
        for shown in (reference.uuid, image.uuid):
            data = body(tab.get(reverse("reference", args=[shown])))
            assert hashlib.sha256(data).hexdigest() == preview.sha256

    def test_of_an_image_hidden_long_ago_nothing_is_shown(self, image, alice, tab):
        reference = make_reference(alice, name=image.original_name, image=image)
        Image.objects.update(hidden_at=timezone.now() - timedelta(days=31))
        assert tab.get(reverse("reference", args=[reference.uuid])).status_code == 404

    def test_to_a_stranger_it_does_not_exist(self, alice, charlie, sign_in):
        reference = make_reference(alice)
        client = sign_in(charlie)
        assert client.get(reverse("reference", args=[reference.uuid])).status_code == 404
        assert Reference.objects.count() == 1


class TestOriginal:
    @pytest.fixture
    def trusted(self, bob, sign_in):
        permission = Permission.objects.get(codename="download_original")
        bob.user_permissions.add(permission)
        return sign_in(bob)

    def path(self, image):
        return reverse("image-original", args=[image.uuid])

    def test_without_the_right_it_does_not_exist(self, image, tab):
        assert tab.get(self.path(image)).status_code == 404
        assert tab.post(self.path(image), {"reason": "because"}).status_code == 404

    def test_with_it_the_page_shows_the_way(self, image, trusted):
        page = trusted.get(reverse("image", args=[image.uuid])).content.decode()
        assert self.path(image) in page
        assert "Reason" in trusted.get(self.path(image)).content.decode()

    @pytest.mark.parametrize("reason", ["", " ", "a\0b"])
    def test_takes_a_reason(self, image, trusted, reason):
        response = trusted.post(self.path(image), {"reason": reason})
        assert response.status_code == 422
        assert not Record.objects.filter(event=Event.ORIGINAL_DOWNLOADED).exists()

    def test_gives_the_providers_bytes_and_records_why(self, image, bob, trusted):
        response = trusted.post(self.path(image), {"reason": "the print shop asks for it"})
        assert hashlib.sha256(body(response)).hexdigest() == image.original_sha256
        assert "-original.png" in response["Content-Disposition"]
        assert response["Cache-Control"] == "no-store, private"
        record = Record.objects.get(event=Event.ORIGINAL_DOWNLOADED)
        assert (record.actor, record.story) == (bob, image.run.uuid)
        assert "print shop" not in str(record.facts)
        assert said(record) == {"reason": "the print shop asks for it"}

    def test_the_right_does_not_reach_another_team(self, image, charlie, sign_in):
        charlie.user_permissions.add(Permission.objects.get(codename="download_original"))
        client = sign_in(charlie)
        assert client.post(self.path(image), {"reason": "because"}).status_code == 404


@pytest.mark.parametrize("page", ["studio", "gallery", "image"])
def test_only_people_who_may_make_images_are_offered_to_reuse_one(
    alice, reviewer, sign_in, image, page
):
    address = reverse(page, args=[image.uuid] if page == "image" else [])
    offers = [
        f"?reuse={image.run.uuid}" in _text(sign_in(who), address) for who in (alice, reviewer)
    ]
    assert offers == [True, False]


def _text(client, address: str) -> str:
    return client.get(address).content.decode()
