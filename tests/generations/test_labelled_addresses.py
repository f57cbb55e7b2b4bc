"""Whatever address gives the bytes of an image gives a labelled file, or has a reason not to."""

import pytest
from django.test import Client

from generations.labelling import read_xmp
from tests.access.studio import addresses

pytestmark = pytest.mark.django_db

LABELLED = {"rendition", "image-download", "conversion-download"}
WITHOUT_A_LABEL = {
    "image-original": "the original, for a stated reason, on the record",
    "reference": "what a person uploaded; an image made here is shown as its labelled preview",
    "reference-link": "for the provider, which makes an image from it",
    "admin:generations_labelpolicy_preview": "a drawn sample of a badge, not an image of anybody",
}


def test_every_address_that_gives_an_image_gives_a_labelled_one(superuser):
    client = Client()
    client.force_login(superuser)
    found = {}
    for name, address in addresses(superuser).items():
        if name.startswith("admin") and name not in WITHOUT_A_LABEL:
            continue
        sent = {"reason": "print"} if name == "image-original" else None
        answer = client.post(address, sent) if sent else client.get(address)
        data = answer.getvalue()
        if answer.headers.get("Content-Type", "").startswith("image/"):
            found[name] = data
    assert found.keys() == LABELLED | WITHOUT_A_LABEL.keys()
    for name in LABELLED:
        packet = read_xmp(found[name])
        assert packet is not None, name
        assert b"trainedAlgorithmicMedia" in packet, name
