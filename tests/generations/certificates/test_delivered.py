"""The files of an image, as a worker makes and stores them."""

import pytest
from django.utils import timezone

from accounts import notices
from generations import certificates, storage
from generations.jobs.execution import renditions
from generations.jobs.execution.upstream import look, secrets_of
from generations.labelling import Source
from generations.labelling.inspecting.reports import BEHIND
from generations.labelling.manifests.contexts import OWN_ASSERTION
from generations.labelling.manifests.credentials import TRUSTED, read_credentials
from generations.models import RunReference
from generations.notice_kinds import IMAGES_UNSIGNED
from generations.reading.labels import card_of
from generations.states import Status
from tests.generations import factories
from tests.generations.factories import (
    image_file,
    make_finished_run,
    make_generation,
    make_image,
    make_reference,
    make_run,
)
from tests.generations.labelling.signers import manifests_of, upstream

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(alice, keys):
    """`image()`: a new image of Alice's, with files."""

    def image():
        return make_finished_run(alice, files=True).images.get()

    return image


def read(rendition):
    data = storage.read(storage.renditions(), rendition.name)
    return read_credentials(data, roots=certificates.roots())


def test_every_file_is_signed_and_its_row_says_by_what(image):
    made = image()

    for rendition in made.renditions.all():
        found = read(rendition)
        assert (found.state, found.image_id) == (TRUSTED, str(made.uuid))
        assert rendition.certificate == certificates.own().get().sha256
        assert rendition.is_stamped is None


def test_without_the_key_there_is_an_image_that_is_not_signed(image, keys):
    image()
    for path in keys.iterdir():
        path.unlink()

    for rendition in image().renditions.all():
        assert read(rendition) is None
        assert rendition.certificate == ""
    assert notices.lasting([IMAGES_UNSIGNED]) == {("labels:unsigned", "key_missing")}


def test_every_file_is_stamped(image, authority):
    assert {rendition.is_stamped for rendition in image().renditions.all()} == {True}


def test_no_word_of_the_prompt_and_no_person_is_in_a_file(image, alice):
    made = image()

    for rendition in made.renditions.all():
        data = storage.read(storage.renditions(), rendition.name)
        for secret in (made.run.prompt, alice.name, alice.email):
            assert secret.encode() not in data


def test_a_composite_names_the_image_of_ours_that_it_was_made_from(image, alice):
    """By the hash of its original and by its identifier, signed; and so on with its own images."""
    photograph = make_finished_run(alice, files=True).images.get()
    photograph.source_type = Source.COMPOSITE
    photograph.save()

    run = make_run(alice, wanted=1, delivered=1)
    given = make_reference(alice, image=photograph, sha256=photograph.original_sha256)
    RunReference.objects.create(run=run, reference=given, position=0)
    made = make_image(make_generation(run, Status.SUCCEEDED))

    assert renditions.source_of(run) == Source.COMPOSITE
    for rendition in made.renditions.all():
        (named,) = read(rendition).ingredients
        assert (named.relationship, named.sha256) == ("inputTo", photograph.original_sha256)
        data = storage.read(storage.renditions(), rendition.name)
        (active,) = manifests_of(data)["manifests"].values()
        (own,) = [each for each in active["assertions"] if each["label"] == OWN_ASSERTION]
        assert own["data"]["references"] == [
            {"sha256": photograph.original_sha256, "image": str(photograph.uuid)}
        ]


class TestPromptInAManifest:
    """Of a provider that writes the prompt into what it signs."""

    @pytest.fixture
    def made(self, alice, keys, monkeypatch):
        note = {"label": "org.example.made", "data": {"note": "ridges at dawn"}}
        signed = upstream().sign(image_file(), assertions=[note])
        monkeypatch.setattr(factories, "image_file", lambda *a: signed)
        return make_finished_run(alice, files=True).images.get()

    def test_no_file_holds_it_and_the_original_does(self, made):
        original = storage.read(storage.originals(), made.original_name)
        assert b"ridges at dawn" in original
        for rendition in made.renditions.all():
            assert read(rendition).depth == 1
            assert b"ridges at dawn" not in storage.read(storage.renditions(), rendition.name)

    def test_it_is_kept_on_record_and_told_on_the_card(self, made):
        original = storage.read(storage.originals(), made.original_name)

        made.arrived_with = look(original, made.run)
        made.save()

        assert made.arrived_with[BEHIND] == "1"
        card = card_of(made, zone=timezone.get_current_timezone(), pixels=False)
        assert "our files name the original by its hash" in card.lines[-1].text

    def test_after_the_prompt_was_erased_nobody_can_tell_so_it_stays_behind(self, made):
        made.run.erased_at, made.run.prompt = timezone.now(), ""

        assert secrets_of(made.run) is None
        assert BEHIND in look(storage.read(storage.originals(), made.original_name), made.run)
