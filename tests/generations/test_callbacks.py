"""What providers fetch: a reference, by a token alone."""

import io

import pytest
from PIL import Image as Picture

from accounts.events import Event
from accounts.models import Record
from generations.execution import requests
from generations.imaging import clean_reference
from generations.models import Generation, RunReference
from generations.states import Status
from generations.submission import NewReference
from tests.generations.asking import APIXO, DEMO, ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload():
    file = io.BytesIO()
    Picture.new("RGB", (640, 480), "teal").save(file, "JPEG", comment=b"private note")
    return NewReference(clean_reference(file.getvalue()))


@pytest.fixture
def public(settings):
    settings.PUBLIC_URL = "https://studio.example.com"
    settings.SERVED_OVER_HTTPS = True


class TestReferenceLinks:
    @pytest.fixture
    def link(self, alice, upload):
        run = ask(alice, DEMO, 1, references=[upload])
        generation = run.generations.get()
        [row] = requests.references_of(run)
        return generation, requests.reference_link(generation, row)

    def test_gives_the_cleaned_picture_without_cookies_and_counts(self, link, client):
        generation, url = link
        response = client.get(url)
        body = b"".join(response.streaming_content)
        assert response["Content-Type"] == "image/jpeg"
        assert response["X-Robots-Tag"] == "noindex"
        assert not response.cookies
        assert b"private note" not in body
        b"".join(client.get(url).streaming_content)
        assert RunReference.objects.get(run=generation.run).fetches == 2
        record = Record.objects.get(event=Event.REFERENCE_FETCHED)
        assert record.story == generation.run.uuid

    @pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
    def test_is_dead_when_the_generation_has_ended(self, link, client, status):
        generation, url = link
        Generation.objects.filter(pk=generation.pk).update(status=status)
        assert client.get(url).status_code == 404

    def test_a_forged_token_is_nothing(self, link, client):
        _generation, url = link
        assert client.get(url.replace(".jpg", "x.jpg")).status_code == 404

    def test_is_offered_to_the_provider_only_over_https(self, alice, upload, apixo_key, public):
        run = ask(alice, APIXO, 1, references=[upload])
        [reference] = requests.request_of(run.generations.get()).references
        assert reference.link.startswith("https://studio.example.com/r/")
        assert reference.data == b""
