"""Files in a bucket: stored, shown and downloaded by links, and what happens when it fails."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.events import Event
from accounts.models import Notice, Record
from generations import storage
from generations.checks import browsers_may_fetch_from_the_bucket
from generations.jobs.execution import delivering, preparing, requests
from generations.jobs.worker import work_here
from generations.models import Delivery, Image, Reference, Run
from generations.notice_kinds import FILE_DAMAGED
from generations.readiness.checks import CHECKS
from generations.states import Status
from generations.submission import SubmissionRefused
from seedream_site.file_storages import file_storages
from tests.generations.asking import DEMO, ask, upload
from tests.generations.factories import (
    image_file,
    make_finished_run,
    make_generation,
    make_reference,
    make_run,
)
from tests.generations.test_views_images import body, path_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(alice, bucket) -> Image:
    return make_finished_run(alice, prompt="a red fox", files=True).images.get()


@pytest.fixture
def full(image):
    return image.renditions.get(recipe="full")


@pytest.fixture
def tab(alice, sign_in):
    return sign_in(alice)


def object_of(rendition) -> str:
    return f"renditions/{rendition.name}"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class TestFiles:
    @pytest.mark.django_db(transaction=True)
    def test_a_run_is_stored_with_the_checksums_of_its_files(self, alice, bucket, settings):
        settings.PROVIDER_TIME_SCALE = 0.01
        run = ask(alice, num_images=1)
        work_here(lambda: not Run.objects.filter(status="pending").exists())
        image = run.images.get()
        kept = {f"originals/{image.original_name}": image.original_sha256}
        kept |= {object_of(row): row.sha256 for row in image.renditions.all()}
        assert bucket.names() == set(kept)
        for name, digest in kept.items():
            answer = bucket.client.head_object(
                Bucket=bucket.name, Key=f"studio/{name}", ChecksumMode="ENABLED"
            )
            assert base64.b64decode(answer["ChecksumSHA256"]).hex() == digest

    def test_an_original_is_never_replaced_and_a_rendition_is(self, bucket):
        for data in (b"one", b"two"):
            storage.save_original("a/1", data)
            storage.save_rendition("a/1", data)
        assert storage.read(storage.originals(), "a/1") == b"one"
        assert storage.read(storage.renditions(), "a/1") == b"two"

    def test_uploads_are_listed_by_age_and_deleted(self, bucket):
        given = upload(image_file())
        storage.save_upload(given.sha256, given.file)
        moment = timezone.now()
        assert list(storage.uploads_before(moment - timedelta(hours=1))) == []
        assert list(storage.uploads_before(moment + timedelta(hours=1))) == [given.sha256]
        storage.originals().delete(storage.upload_name(given.sha256))
        assert bucket.names() == set()

    def test_a_missing_file_is_lost_only_if_the_bucket_still_exists(self, bucket):
        with pytest.raises(FileNotFoundError):
            storage.read(storage.originals(), "a/1")
        assert not storage.has_original("a/1")
        bucket.remove()
        with pytest.raises(storage.StorageAway):
            storage.read(storage.originals(), "a/1")
        with pytest.raises(storage.StorageAway):
            storage.has_original("a/1")


class TestLinks:
    def test_an_image_is_shown_by_a_link_that_is_valid_for_a_minute(self, tab, image, bucket):
        for row in image.renditions.all():
            response = tab.get(path_of(row))
            assert response.status_code == 302
            assert response["Cache-Control"] == "private, max-age=45"
            assert response["Referrer-Policy"] == "no-referrer"
            link = response["Location"]
            assert link.startswith(f"{bucket.server.url}/{bucket.name}/studio/{object_of(row)}?")
            assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["60"]
            file = httpx.get(link)
            assert sha256(file.content) == row.sha256
            assert file.headers["Content-Type"] == f"image/{row.format.lower()}"
            assert file.headers["Content-Disposition"] == "inline"
        assert not Record.objects.filter(event=Event.IMAGE_DOWNLOADED).exists()

    def test_without_its_signature_a_link_is_refused(self, tab, full):
        link = tab.get(path_of(full))["Location"]
        assert httpx.get(link.partition("?")[0]).status_code == 403

    def test_a_download_has_a_file_name_and_a_record(self, tab, alice, image, full):
        response = tab.get(reverse("image-download", args=[image.uuid]))
        assert response["Cache-Control"] == "no-store, private"
        file = httpx.get(response["Location"])
        assert sha256(file.content) == full.sha256
        name = f"seedream-{image.created_at:%Y-%m-%d}-{str(image.uuid)[:8]}.png"
        assert file.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert file.headers["Cache-Control"] == "private, no-store"
        record = Record.objects.get(event=Event.IMAGE_DOWNLOADED)
        assert (record.actor, record.facts["sha256"]) == (alice, full.sha256)

    def test_a_reference_is_a_link_too(self, tab, alice, bucket):
        reference = make_reference(alice)
        response = tab.get(reverse("reference", args=[reference.uuid]))
        assert sha256(httpx.get(response["Location"]).content) == reference.sha256

    def test_a_stranger_causes_no_request_to_the_bucket(self, charlie, sign_in, full, bucket):
        stranger = sign_in(charlie)
        bucket.server.calls.clear()
        assert stranger.get(path_of(full)).status_code == 404
        assert bucket.server.calls == []

    def test_showing_an_image_costs_one_request_and_no_byte_of_the_file(self, tab, full, bucket):
        tab.get(path_of(full))
        bucket.server.calls.clear()
        tab.get(path_of(full))
        assert [method for method, _path in bucket.server.calls] == ["HEAD"]

    def test_an_original_is_compared_and_sent_by_the_studio(self, bob, sign_in, image, bucket):
        bob.user_permissions.add(Permission.objects.get(codename="download_original"))
        trusted, path = sign_in(bob), reverse("image-original", args=[image.uuid])
        response = trusted.post(path, {"reason": "for print"})
        assert sha256(body(response)) == image.original_sha256
        bucket.put(f"originals/{image.original_name}", b"another")
        assert trusted.post(path, {"reason": "for print"}).status_code == 500
        assert Record.objects.filter(event=Event.ORIGINAL_DOWNLOADED).count() == 1

    def test_providers_fetch_references_from_the_studio(self, alice, image, client, bucket):
        generation = ask(alice, DEMO, 1, references=[image]).generations.get()
        requests.request_of(generation)  # a worker makes the clean copy
        [row] = requests.references_of(generation.run)
        link = requests.reference_link(generation, row)
        assert client.get(link).status_code == 200
        assert Record.objects.filter(event=Event.REFERENCE_FETCHED).count() == 1
        with bucket.server.checking_keys():
            bucket.use_key("a wrong secret")
            assert client.get(link).status_code == 503


class TestWithoutLinks:
    def test_browsers_that_cannot_reach_the_bucket_get_files_from_the_studio(
        self, tab, full, bucket
    ):
        bucket.use("&browsers=no")
        response = tab.get(path_of(full))
        assert sha256(body(response)) == full.sha256
        assert response["Cache-Control"] == "private, max-age=31536000, immutable"

    def test_a_file_without_a_checksum_is_compared_in_the_studio(self, tab, full, bucket):
        data = storage.read(storage.renditions(), full.name)
        bucket.put(object_of(full), data)
        assert sha256(body(tab.get(path_of(full)))) == full.sha256
        bucket.put(object_of(full), data + b"!")
        assert tab.get(path_of(full)).status_code == 500

    def test_a_checksum_of_parts_is_not_taken_for_that_of_the_file(self, bucket, monkeypatch):
        storage.save_rendition("a/1", b"one")
        asker = storage.renditions()._asker
        parts = {"ChecksumSHA256": base64.b64encode(bytes(32)).decode() + "-2"}
        monkeypatch.setattr(asker, "head_object", lambda **_: parts)
        given = storage.hand_out(
            storage.renditions(), "a/1", sha256=sha256(b"one"), mime_type="image/png"
        )
        assert given.read() == b"one"


class TestDamage:
    @pytest.fixture
    def damaged(self, full, bucket):
        bucket.put(object_of(full), b"another file", ChecksumAlgorithm="SHA256")
        return full

    def test_a_changed_file_is_refused_with_a_page(self, tab, damaged, image):
        for path in (path_of(damaged), reverse("image-download", args=[image.uuid])):
            response = tab.get(path)
            assert response.status_code == 500
            assert "This file has changed" in response.content.decode()
            assert "Location" not in response
        assert not Record.objects.filter(event=Event.IMAGE_DOWNLOADED).exists()

    def test_admins_are_told_and_the_log_names_both_checksums_once(self, tab, damaged, image):
        for _ in range(3):
            tab.get(path_of(damaged))
        assert Notice.objects.get(kind=FILE_DAMAGED.name).cause == damaged.name
        record = Record.objects.get(event=Event.FILE_REFUSED)
        assert (record.subject_id, record.story) == (image.uuid, image.run.uuid)
        assert record.facts["expected"] == damaged.sha256
        assert record.facts["found"] == sha256(b"another file")

    def test_a_file_that_is_put_back_is_shown_again(self, tab, full, bucket):
        data = storage.read(storage.renditions(), full.name)
        bucket.put(object_of(full), b"another file", ChecksumAlgorithm="SHA256")
        assert tab.get(path_of(full)).status_code == 500
        storage.save_rendition(full.name, data)
        assert tab.get(path_of(full)).status_code == 302


class TestTrouble:
    def test_a_lost_file_is_not_found_and_not_recorded(self, tab, image, full):
        storage.renditions().delete(full.name)
        assert tab.get(path_of(full)).status_code == 404
        assert tab.get(reverse("image-download", args=[image.uuid])).status_code == 404
        assert not Record.objects.filter(event=Event.IMAGE_DOWNLOADED).exists()

    def test_a_person_is_told_after_two_tries_at_a_silent_bucket(self, tab, full, bucket):
        bucket.use(ask_seconds=0.05)
        bucket.server.calls.clear()
        with bucket.server.silent():
            response = tab.get(path_of(full))
        assert (response.status_code, response["Retry-After"]) == (503, "30")
        assert "The file is not lost, and nothing was charged" in response.content.decode()
        assert len(bucket.server.calls) == 2

    def test_a_worker_waits_out_a_silent_bucket(self, alice, bucket):
        bucket.use(read_seconds=0.05)
        with bucket.server.silent(), pytest.raises(storage.StorageAway):
            storage.save_original("a/1", b"one")


class TestRefusedKey:
    @pytest.fixture
    def refused(self, bucket):
        with bucket.server.checking_keys():
            bucket.use_key("a wrong secret")
            yield bucket

    def test_a_person_who_opens_an_image_is_told(self, tab, full, refused):
        response = tab.get(path_of(full))
        assert response.status_code == 503
        assert "The file is not lost, and nothing was charged" in response.content.decode()

    def test_a_download_that_fails_is_not_recorded(self, tab, image, refused):
        path = reverse("image-download", args=[image.uuid])
        assert tab.get(path).status_code == 503
        assert not Record.objects.filter(event=Event.IMAGE_DOWNLOADED).exists()

    def test_an_upload_that_cannot_be_stored_is_refused_and_costs_nothing(self, alice, refused):
        with pytest.raises(SubmissionRefused, match="Nothing was charged"):
            ask(alice, references=[upload(image_file())])
        assert not Run.objects.exists()
        assert ledger.balance(alice).reserved == 0

    def test_labelling_waits_without_using_up_its_tries(self, alice, bucket):
        generation = make_generation(make_run(alice, wanted=1, open=1), Status.STORING)
        name = storage.original_name(generation.uuid, attempt=1, index=0)
        delivery = Delivery.objects.create(
            generation=generation,
            index=0,
            status=Delivery.Status.FETCHED,
            original_name=name,
            next_action_at=timezone.now(),
        )
        storage.save_original(name, image_file((2048, 2048)))
        with bucket.server.checking_keys():
            bucket.use_key("a wrong secret")
            delivering.label_and_store(delivery.pk, "worker")
            delivery.refresh_from_db()
            assert (delivery.status, delivery.tries, delivery.accidents) == ("fetched", 0, 1)
            bucket.use_key(bucket.server.key["secret"])
            Delivery.objects.update(next_action_at=timezone.now())
            delivering.label_and_store(delivery.pk, "worker")
        delivery.refresh_from_db()
        assert delivery.status == "stored"

    def test_an_upload_waits_to_be_cleaned(self, alice, bucket):
        ask(alice, references=[upload(image_file())])
        reference = Reference.objects.get()
        with bucket.server.checking_keys():
            bucket.use_key("a wrong secret")
            with pytest.raises(storage.StorageRefused):
                preparing.prepare(reference.pk, "worker")
        reference.refresh_from_db()
        assert (reference.status, reference.tries) == ("pending", 0)

    def test_readiness_names_the_refused_key(self, refused):
        finding = CHECKS["storage"].look()
        assert (finding.ok, finding.detail) == (
            False,
            "The storage service refuses the studio's key.",
        )

    def test_readiness_tells_a_wrong_clock_from_a_wrong_key(self, bucket):
        with bucket.server.refusing("RequestTimeTooSkewed"):
            finding = CHECKS["storage"].look()
        assert not finding.ok
        assert "clock" in finding.detail

    def test_readiness_fails_without_any_key(self, bucket, monkeypatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        bucket.use()
        assert not CHECKS["storage"].look().ok


def test_readiness_leaves_no_file_in_the_bucket(bucket):
    assert CHECKS["storage"].look().ok
    assert bucket.names() == set()


def test_loading_the_clients_does_not_call_the_bucket(bucket):
    bucket.server.calls.clear()
    storage.load()
    assert bucket.server.calls == []


@pytest.mark.parametrize(
    "address",
    [
        "s3://studio",
        "s3://studio/folder?region=eu-central-1",
        "s3://studio.example?region=eu-central-1",
        "s3://studio?region=cn-north-1",
        "s3://studio?endpoint=http://127.0.0.1:9000",
        "s3://studio?endpoint=https://s3.example.com/",
        "s3://studio?endpoint=https://s3.example.com&addressing=virtual",
        "s3://studio?endpoint=http://minio:9000&browsers=https://files.example.com",
    ],
)
def test_links_have_the_origin_that_the_policy_names(address, settings, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    files = file_storages(address)
    settings.STORAGES = {**settings.STORAGES, **files.storages}
    for backend in (storage.originals(), storage.renditions()):
        link = urlsplit(backend._signed("a/1", "image/png", ""))
        assert f"{link.scheme}://{link.netloc}" == files.links_origin


@pytest.mark.parametrize(
    ("public", "address", "warned"),
    [
        ("https://studio.example.com", "s3://studio", False),
        ("https://studio.example.com", "s3://studio?endpoint=http://minio:9000", True),
        ("https://studio.example.com", "s3://studio?endpoint=http://minio:9000&browsers=no", False),
        ("", "s3://studio?endpoint=http://minio:9000", False),
    ],
)
def test_a_check_warns_if_an_https_page_would_load_images_over_http(
    settings, public, address, warned
):
    settings.SERVED_OVER_HTTPS = public.startswith("https")
    settings.FILES = file_storages(address)
    assert [each.id for each in browsers_may_fetch_from_the_bucket()] == [
        "generations.W005"
    ] * warned
