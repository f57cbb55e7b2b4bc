"""Files in a bucket, as a browser shows and saves them."""

import hashlib
from pathlib import Path

import pytest

from tests.generations.factories import make_finished_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_images_come_from_the_bucket_under_the_policy(
    page, alice, bucket, enter, live_server, complaints
):
    image = make_finished_run(alice, files=True).images.get()
    enter(page, alice)
    with page.expect_response(lambda response: response.url.startswith(bucket.server.url)) as came:
        page.goto(f"{live_server.url}/images/{image.uuid}/")
    assert came.value.status == 200
    shown = page.locator(".image-page img, dialog img, main img").first
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    assert download.value.suggested_filename.startswith("seedream-")
    data = Path(download.value.path()).read_bytes()
    assert hashlib.sha256(data).hexdigest() == image.renditions.get(recipe="full").sha256
    assert complaints == []
