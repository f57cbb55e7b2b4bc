"""A person is erased whose files are in a bucket: with versions, and under a lock."""

import uuid
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from django.urls import reverse

from accounts.events import Event
from accounts.models import Record
from generations import storage
from generations.exports.registry import stored_name
from generations.models import Erasure, Export
from generations.reading.sentences import in_words
from generations.storage.bucket import BucketStorage
from tests.generations.erasing.orders import erase
from tests.generations.factories import make_finished_run, make_reference

pytestmark = pytest.mark.django_db
VERSIONS = {"VersioningConfiguration": {"Status": "Enabled"}}
LOCK = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime(2100, 1, 1, tzinfo=UTC)}


@pytest.fixture
def person(alice, bucket):
    """`person()` makes somebody with an image, an upload and an export, whose account has ended."""

    def make():
        make_finished_run(alice, files=True)
        make_reference(alice)
        export = Export.objects.create(
            user=alice, team=alice.team, kind="log", format="zip", state="ready", is_stored=True
        )
        bucket.put(f"originals/{stored_name(export)}", b"a red fox")
        alice.is_active = False
        alice.save()
        return alice

    return make


def versions(bucket):
    found = bucket.client.list_object_versions(Bucket=bucket.name)
    return [each["Key"] for each in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]]


@pytest.mark.parametrize("has_versions", [False, True])
def test_no_file_and_no_version_is_left(person, admin, bucket, monkeypatch, has_versions):
    if has_versions:
        bucket.client.put_bucket_versioning(Bucket=bucket.name, **VERSIONS)
    storage.save_original("a neighbour/1", b"stays")
    alice = person()
    for name in bucket.names():  # each file once more, as a worker that takes over writes it
        bucket.put(name, b"again")
    erase(monkeypatch, admin, "person", alice)
    assert set(versions(bucket)) == {"studio/originals/a neighbour/1"}
    assert Erasure.objects.get().files_kept == 0


def test_files_of_which_a_lock_keeps_versions_are_told(
    person, admin, superuser, bucket, monkeypatch, sign_in
):
    bucket.name = f"locked-{uuid.uuid4()}"
    bucket.client.create_bucket(Bucket=bucket.name, ObjectLockEnabledForBucket=True)
    bucket.use()
    alice = person()
    files = {name for name in bucket.names() if "exports" not in name}
    for name in bucket.names():
        lock = {"Bucket": bucket.name, "Key": f"studio/{name}", "Retention": LOCK}
        bucket.client.put_object_retention(**lock)
    erase(monkeypatch, admin, "person", alice)
    assert bucket.names() == set()
    assert files <= {key.removeprefix("studio/") for key in versions(bucket)}
    erasure = Erasure.objects.get()
    assert erasure.files_kept == len(files)
    page = sign_in(superuser).get(reverse("admin:generations_erasure_change", args=[erasure.pk]))
    assert "the bucket keeps versions" in page.content.decode()
    facts = Record.objects.get(event=Event.ERASURE_FINISHED).facts
    assert f"the bucket keeps versions of {len(files)} files" in in_words(
        Event.ERASURE_FINISHED, facts
    )


@pytest.mark.parametrize("has_versions", [False, True])
def test_files_that_no_row_names_are_erased_with_an_image(
    alice, admin, bucket, monkeypatch, has_versions
):
    if has_versions:
        bucket.client.put_bucket_versioning(Bucket=bucket.name, **VERSIONS)
    image = make_finished_run(alice, files=True).images.get()
    other = make_finished_run(alice, files=True).images.get()
    storage.save_rendition(f"{image.uuid}/full-0123456789abcdef.png", b"of a killed worker")
    kept = set(storage.renditions_in_storage(other.uuid))
    if has_versions:  # gone for readers, but a version is left
        storage.renditions().delete(image.renditions.first().name)
    erase(monkeypatch, admin, "image", image)
    assert not [key for key in versions(bucket) if str(image.uuid) in key]
    assert set(storage.renditions_in_storage(other.uuid)) == kept != set()


def test_without_the_right_to_list_versions_the_files_are_found(alice, admin, bucket, monkeypatch):
    image = make_finished_run(alice, files=True).images.get()
    storage.save_rendition(f"{image.uuid}/full-0123456789abcdef.png", b"of a killed worker")
    list_keys = BucketStorage._keys

    def refused(self, operation, *args):
        if operation == "list_object_versions":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)
        return list_keys(self, operation, *args)

    monkeypatch.setattr(BucketStorage, "_keys", refused)
    assert len(storage.renditions_in_storage(image.uuid)) == 4
    erase(monkeypatch, admin, "image", image)
    assert storage.renditions_in_storage(image.uuid) == []
