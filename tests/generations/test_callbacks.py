"""What providers fetch and call with nothing but a token: references and webhooks."""

import hashlib
import io
import uuid
from dataclasses import replace

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Picture
from PIL import ImageChops
from PIL.PngImagePlugin import PngInfo

from accounts import ledger
from accounts.audit import tallies
from accounts.events import Event
from accounts.models import Record, Tally
from generations import storage
from generations.jobs.execution import outgoing, requests
from generations.models import Generation, ProviderAccount, RunReference
from generations.providers import registry
from generations.providers.capabilities import ReferenceDelivery
from generations.states import Status
from tests.generations.asking import APIXO, DEMO, ask, prepare_uploads, submit_all
from tests.generations.asking import upload as uploaded
from tests.generations.factories import make_finished_run

pytestmark = pytest.mark.django_db
PUBLIC_URL = "https://studio.example.com"


@pytest.fixture
def upload():
    file = io.BytesIO()
    Picture.new("RGB", (640, 480), "teal").save(file, "JPEG", comment=b"private note")
    return uploaded(file.getvalue())


@pytest.fixture
def public(settings):
    settings.PUBLIC_URL = PUBLIC_URL
    settings.SERVED_OVER_HTTPS = True


class TestReferenceLinks:
    @pytest.fixture
    def link(self, alice, upload, public):
        run = ask(alice, DEMO, 1, references=[upload])
        prepare_uploads()
        generation = run.generations.get()
        [row] = requests.references_of(run)
        return generation, requests.reference_link(generation, row)

    @pytest.mark.parametrize("delivery", ReferenceDelivery)
    def test_a_provider_is_sent_either_the_link_or_the_file(self, link, monkeypatch, delivery):
        generation, _url = link
        engine = registry.engine(DEMO)
        able = replace(engine.capabilities, reference_delivery=delivery)
        engine = replace(engine, capabilities=able)
        monkeypatch.setattr(registry, "engine", lambda _name: engine)
        [reference] = requests.request_of(generation).references
        is_link = delivery == ReferenceDelivery.LINK
        assert reference.link.startswith(f"{PUBLIC_URL}/") == is_link
        assert (len(reference.data) > 0) == (reference.link == "") == (not is_link)

    def test_gives_the_cleaned_image_without_cookies(self, link, client):
        _generation, url = link
        response = client.get(url)
        assert response["Content-Type"] == "image/jpeg"
        assert response["X-Robots-Tag"] == "noindex"
        assert not response.cookies
        assert b"private note" not in response.content

    def test_who_fetched_it_is_on_the_record_with_the_hash_of_what_was_sent(self, link, client):
        generation, url = link
        response = client.get(url, headers={"user-agent": "provider/1.0"})
        record = Record.objects.get(event=Event.REFERENCE_FETCHED)
        assert (record.actor, record.story) == (None, generation.run.uuid)
        assert record.facts["sha256"] == hashlib.sha256(response.content).hexdigest()
        assert record.facts["generation"] == str(generation.uuid)
        assert record.payload.data == {"ip": "127.0.0.1", "user_agent": "provider/1.0"}

    def test_each_address_has_a_record_and_each_further_fetch_a_count(self, link, client):
        generation, url = link
        for address in ("203.0.113.7", "203.0.113.7", "203.0.113.8"):
            client.get(url, REMOTE_ADDR=address)
        fetched = Record.objects.filter(event=Event.REFERENCE_FETCHED)
        assert [each.payload.data["ip"] for each in fetched.order_by("pk")] == [
            "203.0.113.7",
            "203.0.113.8",
        ]
        assert sorted(Tally.objects.values_list("more", flat=True)) == [0, 1]
        assert RunReference.objects.get(run=generation.run).fetches == 2

    def test_without_a_record_no_byte_goes_out(self, link, client, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError("the log cannot be written")

        monkeypatch.setattr(tallies, "record", fail)
        client.raise_request_exception = False
        assert client.get(link[1]).status_code == 500

    @pytest.mark.parametrize("status", Status)
    def test_lives_only_while_the_provider_may_need_it(self, link, client, status):
        generation, url = link
        values = {"submit_token": uuid.uuid4(), "claimed_by": "worker", "task_id": "task"}
        Generation.objects.filter(pk=generation.pk).update(status=status, **values)
        alive = status in (Status.QUEUED, Status.SUBMITTING, Status.RUNNING)
        assert client.get(url).status_code == (200 if alive else 404)
        assert Record.objects.filter(event=Event.REFERENCE_FETCHED).exists() == alive

    def test_a_forged_token_is_not_found(self, link, client):
        _generation, url = link
        assert client.get(url.replace(".jpg", "x.jpg")).status_code == 404

    def test_is_offered_to_the_provider_only_over_https(self, alice, upload, apixo_key, public):
        run = ask(alice, APIXO, 1, references=[upload])
        prepare_uploads()
        [reference] = requests.request_of(run.generations.get()).references
        assert reference.link.startswith("https://studio.example.com/r/")
        assert reference.data == b""

    def test_a_provider_that_takes_bytes_gets_them_and_no_address(self, alice, upload, public):
        run = ask(alice, DEMO, 1, references=[upload])
        prepare_uploads()
        request = requests.request_of(run.generations.get())
        [reference] = request.references
        stored = run.run_references.get().reference
        assert reference.data == storage.read(storage.originals(), stored.name)
        assert (reference.link, request.webhook_url) == ("", "")


class TestImagesOfOurs:
    """The original holds the prompt that the provider wrote into it; the reference must not."""

    SECRET = "a very secret fox"

    @pytest.fixture(params=["PNG", "JPEG", "WEBP"])
    def image(self, request, alice):
        """An image made in the studio whose original holds its prompt in every way that its format
        allows.
        """
        image = make_finished_run(alice).images.get()
        original = self.telling(request.param)
        image.original_name = f"{image.uuid}/1/0"
        image.original_sha256 = hashlib.sha256(original).hexdigest()
        image.format = request.param
        image.save()
        storage.save_original(image.original_name, original)
        return image

    def telling(self, image_format):
        exif = Picture.Exif()
        exif[0x010E] = self.SECRET  # ImageDescription
        text = PngInfo()
        text.add_text("parameters", self.SECRET)
        text.add_itxt("XML:com.adobe.xmp", self.SECRET, zip=False)
        file = io.BytesIO()
        Picture.linear_gradient("L").convert("RGB").save(
            file,
            image_format,
            quality=95,
            exif=exif,
            xmp=self.SECRET.encode(),
            comment=self.SECRET.encode(),
            pnginfo=text if image_format == "PNG" else None,
        )
        # Text after the end of the image too. No two files are alike, so each is cleaned
        # separately.
        return file.getvalue() + self.SECRET.encode() + uuid.uuid4().bytes

    def sent(self, generation):
        [reference] = requests.request_of(generation).references
        return reference

    def is_clean(self, data):
        picture = Picture.open(io.BytesIO(data))
        told = str(picture.info) + str(dict(picture.getexif()))
        return self.SECRET.encode() not in data and self.SECRET not in told

    def test_the_link_serves_a_clean_copy_of_the_same_image(
        self, image, alice, apixo_key, public, client
    ):
        generation = ask(alice, APIXO, 1, references=[image]).generations.get()
        link = self.sent(generation).link
        response = client.get(link, secure=True)
        original = storage.read(storage.originals(), image.original_name)
        assert self.SECRET.encode() in original
        assert self.is_clean(response.content)
        assert response["Content-Type"] == f"image/{image.format.lower()}"
        before, after = (
            Picture.open(io.BytesIO(data)).convert("RGB").resize((16, 16))
            for data in (original, response.content)
        )
        assert max(b for _, b in ImageChops.difference(before, after).getextrema()) <= 4

    def test_engines_that_take_bytes_get_the_clean_copy_too(self, image, alice):
        reference = self.sent(ask(alice, DEMO, 1, references=[image]).generations.get())
        assert self.is_clean(reference.data)
        assert reference.mime_type == f"image/{image.format.lower()}"
        assert (reference.width, reference.height) == (256, 256)

    def test_the_web_process_neither_decodes_nor_falls_back_on_the_original(
        self, image, alice, client
    ):
        generation = ask(alice, DEMO, 1, references=[image]).generations.get()
        [row] = requests.references_of(generation.run)
        link = requests.reference_link(generation, row)
        assert client.get(link).status_code == 404  # no worker has cleaned it

    def test_the_copy_is_made_once(self, image, alice, monkeypatch):
        for _ in range(2):
            first = self.sent(ask(alice, DEMO, 1, references=[image]).generations.get()).data
            monkeypatch.setattr(outgoing, "clean_reference", None)
        assert self.is_clean(first)

    def test_one_that_cannot_be_a_reference_ends_the_generation_with_credits_back(self, alice):
        image = make_finished_run(alice).images.get()
        storage.save_original(image.original_name, b"no picture")
        run = ask(alice, DEMO, 1, references=[image])
        submit_all("worker")
        generation = run.generations.get()
        assert (generation.status, generation.error_code) == ("failed", "reference_rejected")
        assert ledger.balance(alice).reserved == 0


class TestForgedCalls:
    @pytest.fixture
    def call(self, alice, apixo_key, public, client):
        account = ProviderAccount.objects.create(
            provider="apixo", slot=1, key_fingerprint="f", concurrency=9, per_minute=9
        )
        generation = ask(alice, APIXO, 1).generations.get()
        Generation.objects.filter(pk=generation.pk).update(account=account)

        def call(address="203.0.113.7", *, path="", body="no json"):
            path = path or requests.webhook_url(generation).removeprefix(PUBLIC_URL)
            return client.post(
                path, body, "application/json", secure=True, REMOTE_ADDR=address
            ).status_code

        call.generation = generation
        return call

    def test_are_one_record_for_each_address(self, call):
        assert {call() for _ in range(5)} == {403}
        call("203.0.113.8")
        records = Record.objects.filter(event=Event.WEBHOOK_FORGED)
        assert [each.payload.data["ip"] for each in records.order_by("pk")] == [
            "203.0.113.7",
            "203.0.113.8",
        ]
        assert {each.story for each in records} == {call.generation.run.uuid}
        assert sorted(Tally.objects.values_list("more", flat=True)) == [0, 4]

    def test_to_unknown_addresses_are_not_recorded(self, call):
        for number in range(5):
            assert call(path=f"/hooks/apixo/nobodys-{number}/") == 404
        assert not Record.objects.filter(event=Event.WEBHOOK_FORGED).exists()
        assert not Tally.objects.exists()

    def test_stand_in_the_story_in_words(self, call, reviewer, client):
        call()
        call()
        Tally.objects.update(until=timezone.now())
        tallies.close_all()
        client.force_login(reviewer)
        story = reverse("story", args=[call.generation.run.uuid])
        page = client.get(story, secure=True).content.decode()
        assert "Someone outside the studio" in page
        assert "1 more time within 10 minutes" in page
        assert "203.0.113.7" in page
