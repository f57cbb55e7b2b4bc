"""The files of an image, as a worker makes and stores them."""

import pytest

from accounts import notices
from generations import certificates, storage
from generations.labelling.manifests.credentials import TRUSTED, read_credentials
from generations.notice_kinds import IMAGES_UNSIGNED
from tests.generations.factories import make_finished_run

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
