"""No address of the studio gives the pixels of an image that it made without their labels.

Each address is asked, whatever it is for: one that gives pixels needs labels, or a reason here.
"""

import io
import re
import zipfile
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from generations import storage
from generations.imaging.containers import sniff
from generations.labelling.inspecting.layers import read_layers
from generations.labelling.inspecting.verdict import faults
from generations.models import Image
from tests.access.studio import addresses

pytestmark = pytest.mark.django_db

# Addresses that give pixels without labels, and why.
UNLABELLED = {
    "image-original": "the original, for those who have the right and give a reason, on record",
    "reference": "the address of the list is an upload, which no model made",
    "reference-link": "a clean copy of what somebody uploaded, for the provider of one request",
    "admin:generations_labelpolicy_preview": "a sample that the studio draws, made by no model",
}
GIVEN = {"reason": "needed for print", "terms": "on", "accept": "on"}
INLINE = re.compile(rb"data:image/[a-z]+")


def ask(user, method: str, address: str) -> HttpResponseBase:
    """The answer, after redirects within the studio; what the request changed is rolled back."""
    client = Client()
    client.force_login(user)
    with transaction.atomic():
        if method == "GET":
            response = client.get(address, follow=True)
        else:
            response = client.post(address, GIVEN, follow=True)
        response.content_read = response.getvalue()
        transaction.set_rollback(True)
    return response


def pictures_in(data: bytes) -> Iterator[bytes]:
    """The images that an answer is or holds."""
    if sniff(data):
        yield data
    elif data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from pictures_in(archive.read(name))


def lacking(data: bytes) -> tuple[str, ...]:
    """What an image lacks that each labelled file has; tests sign none."""
    return faults(read_layers(data), signed=False)


@pytest.fixture
def every(superuser) -> dict[str, str]:
    """Every address by its name, and those of all labelled files of an image."""
    found = addresses(superuser)
    image = Image.objects.exclude(original_name="").latest("pk")
    for row in image.renditions.all():
        address = reverse("rendition", args=[row.uuid, row.name.rpartition(".")[2]])
        found[f"rendition {row.recipe}"] = address
    return found | {"reference of ours": reverse("reference", args=[image.uuid])}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_gives_pixels_gives_labels(superuser, every, method):
    giving, wrong = set(), {}
    for name, address in every.items():
        if method == "POST" and name.startswith(("admin", "account", "user", "mfa")):
            continue  # forms about people and settings; GET has shown that their pages hold none
        data = ask(superuser, method, address).content_read
        assert not INLINE.search(data), name
        for picture in pictures_in(data):
            giving.add(name)
            if name not in UNLABELLED and (found := lacking(picture)):
                wrong[name] = found
    assert wrong == {}
    # Or this test would see no pixels where there are some.
    expected = {
        "GET": {"image-download", "rendition preview", "rendition screen", "rendition full"}
        | {"reference of ours", *UNLABELLED} - {"image-original"},
        "POST": {"image-original"},
    }
    assert expected[method] <= giving
    if method == "GET":
        assert "image-original" not in giving


def test_a_file_without_labels_is_noticed(every):
    original = Image.objects.latest("pk").original_name

    assert "xmp_missing" in lacking(storage.read(storage.originals(), original))
