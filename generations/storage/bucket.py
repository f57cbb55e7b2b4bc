"""Files in a private bucket at S3, or at a service with the same protocol.

The bucket keeps the SHA-256 of each file. Browsers get files from the bucket by links that the
studio signs.

Facts of the protocol: docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
and …/API/sigv4-query-string-auth.html.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache, wraps
from threading import RLock
from typing import Any, ParamSpec, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, FlexibleChecksumError, NoCredentialsError
from django.core.files.base import ContentFile, File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from generations.storage.errors import (
    ClockDiffers,
    FileDamaged,
    StorageAway,
    StorageRefused,
    as_storage_away,
)

LINK_SECONDS = 60
CONNECT_SECONDS = 3
# Read time-outs: of files, and of requests for which a person waits.
READ_SECONDS, ASK_SECONDS = 20, 5
TRIES, ASK_TRIES = 3, 2
CHUNK_BYTES = 256 * 1024
# More than the threads of any of the studio's processes.
CONNECTIONS = 64
REFUSALS = frozenset(
    {
        "401",
        "403",
        "AccessDenied",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
    }
)
# With these the service refuses to list or delete versions.
KEPT = REFUSALS | {"InvalidRequest", "MethodNotAllowed", "NotImplemented"}
# The clocks of the two are more than 15 minutes apart.
SKEWED = "RequestTimeTooSkewed"
# How long browsers cache the file behind a link. They cache the studio's redirect for less.
KEPT_BY_BROWSERS = "private, max-age=31536000, immutable"

# boto3 requires that one thread at a time makes sessions and clients.
_making = RLock()

Given = ParamSpec("Given")
Result = TypeVar("Result")


def _named(error: Exception) -> StorageAway:
    """An error of the service or of the network, as the studio calls it."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        return _kind_of(code)(code)
    refused = isinstance(error, NoCredentialsError)
    return (StorageRefused if refused else StorageAway)(type(error).__name__)


def _kind_of(code: str) -> type[StorageAway]:
    if code == SKEWED:
        return ClockDiffers
    return StorageRefused if code in REFUSALS else StorageAway


def _translating(method: Callable[Given, Result]) -> Callable[Given, Result]:
    @wraps(method)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        with as_storage_away(_named):
            return method(*args, **kwargs)

    return call


class BucketStorage(S3Storage):
    """A folder of a bucket. Raises FileNotFoundError, FileDamaged, StorageRefused or StorageAway.

    `browser_endpoint` is the address of the service for browsers; without one there are no links.
    `read_seconds` is the read time-out for files, `ask_seconds` that of the request before a link.
    """

    def __init__(
        self,
        *,
        browser_endpoint: str = "",
        read_seconds: float = READ_SECONDS,
        ask_seconds: float = ASK_SECONDS,
        **options: Any,
    ) -> None:
        style = options.pop("addressing_style", "path")
        self._browser_endpoint = browser_endpoint
        self._asking = _config(style, seconds=ask_seconds, tries=ASK_TRIES)
        config = _config(style, seconds=read_seconds, tries=TRIES)
        super().__init__(client_config=config, querystring_expire=LINK_SECONDS, **options)

    # All threads share one resource and its connections: boto3's clients are thread-safe.

    @cached_property
    def _resource(self) -> Any:
        return self._session.resource("s3", **self._where(self.endpoint_url, self.client_config))

    @property
    def connection(self) -> Any:
        with _making:
            return self._resource

    @property
    def _session(self) -> Any:
        return _session(self.access_key, self.secret_key, self.security_token)

    @cached_property
    def _asker(self) -> Any:
        return self._session.client("s3", **self._where(self.endpoint_url, self._asking))

    @cached_property
    def _signer(self) -> Any:
        return self._session.client("s3", **self._where(self._browser_endpoint, self._asking))

    def load(self) -> None:
        """Make all clients and import what they need, without calling the service."""
        with _making:
            self.connection, self._asker  # noqa: B018
            if self._browser_endpoint:
                self._signer  # noqa: B018

    def _where(self, endpoint: str, config: Config) -> dict[str, Any]:
        return {"region_name": self.region_name, "endpoint_url": endpoint, "config": config}

    # Files

    @_translating
    def link(self, name: str, *, sha256: str, mime_type: str, filename: str = "") -> str:
        """A link to the file, valid for `LINK_SECONDS`, after comparing the bucket's SHA-256.

        "" if browsers can't reach the bucket or it keeps no SHA-256 of the file. Raises FileDamaged
        if its SHA-256 is not `sha256`.
        """
        if not self._browser_endpoint:
            return ""
        found = self._sha256(name)
        if found and found != sha256:
            raise FileDamaged(name, expected=sha256, found=found)
        return self._signed(name, mime_type, filename) if found else ""

    def _sha256(self, name: str) -> str:
        """The SHA-256 that the bucket keeps of a file; "" if it keeps none of the whole file."""
        with _making:
            asker = self._asker
        with self._missing(name):
            answer = asker.head_object(**self._key(name), ChecksumMode="ENABLED")
        checksum = str(answer.get("ChecksumSHA256", ""))
        # "…-2" is the checksum of the checksums of two parts, not of the file.
        return "" if "-" in checksum else b64decode(checksum).hex()

    def _signed(self, name: str, mime_type: str, filename: str) -> str:
        with _making:
            signer = self._signer
        about = self._key(name) | {
            "ResponseContentType": mime_type,
            "ResponseCacheControl": "private, no-store" if filename else KEPT_BY_BROWSERS,
            "ResponseContentDisposition": f'attachment; filename="{filename}"'
            if filename
            else "inline",
        }
        link: str = signer.generate_presigned_url(
            "get_object", Params=about, ExpiresIn=LINK_SECONDS
        )
        return link

    def _key(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(clean_name(name))}

    @_translating
    def _open(self, name: str, mode: str = "rb") -> File:
        with self._missing(name):
            answer = self.connection.meta.client.get_object(**self._key(name))
        try:
            return ContentFile(answer["Body"].read(), name=name)
        except FlexibleChecksumError as error:
            raise FileDamaged(name) from error

    def chunks(self, name: str, start: int, *, sha256: str) -> Iterator[bytes]:
        """The content from the byte `start` on. It asks for the file before it returns.

        Raises FileDamaged if the bucket's SHA-256 is not `sha256`.
        """
        with as_storage_away(_named):
            found = self._sha256(name)
            if found and found != sha256:
                raise FileDamaged(name, expected=sha256, found=found)
            # An empty range is an error in the protocol, so no range for the whole file.
            asked = {"Range": f"bytes={start}-"} if start else {}
            with self._missing(name):
                answer = self.connection.meta.client.get_object(**self._key(name), **asked)
        return _read(answer["Body"])

    @_translating
    def _save(self, name: str, content: Any) -> str:
        """Store the whole file in one request, with its SHA-256, which the service compares."""
        content.seek(0)
        digest = hashlib.file_digest(content, "sha256").digest()
        content.seek(0)
        self.connection.meta.client.put_object(
            **self._key(name),
            Body=content,
            ContentType=self.default_content_type,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=b64encode(digest).decode(),
            **self.put_options(),
        )
        return name

    def put_options(self) -> dict[str, Any]:
        """What a back end adds to each request that stores a file."""
        return {}

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    @_translating
    def exists(self, name: str) -> bool:
        try:
            with self._missing(name):
                self.connection.meta.client.head_object(**self._key(name))
        except FileNotFoundError:
            return False
        return True

    @_translating
    def delete(self, name: str) -> None:
        super().delete(name)

    @_translating
    def erase(self, name: str) -> bool:
        """Delete a file with all its versions. Returns False if the bucket keeps some of them.

        It does so if a lock forbids to delete them, or if the key lacks the right.
        """
        client = self.connection.meta.client
        answer = client.delete_object(**self._key(name))
        if not answer.get("VersionId"):  # the bucket never had versions
            return True
        try:
            for version in self._versions(name):
                client.delete_object(**self._key(name), VersionId=version)
        except ClientError as error:
            if str(error.response.get("Error", {}).get("Code", "")) in KEPT:
                return False
            raise
        return True

    def _versions(self, name: str) -> list[str]:
        """The versions of a file, its content first and then what says that it is deleted."""
        key = self._key(name)
        pages = self.connection.meta.client.get_paginator("list_object_versions")
        found = list(pages.paginate(Bucket=key["Bucket"], Prefix=key["Key"]))
        return [
            each["VersionId"]
            for kind in ("Versions", "DeleteMarkers")
            for page in found
            for each in page.get(kind, ())
            if each["Key"] == key["Key"]
        ]

    @_translating
    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder, with those of which only versions are left.

        Without the right to list versions, those of files only.
        """
        start = self._key(f"{folder}/")["Key"].rstrip("/") + "/"
        try:
            keys = self._keys("list_object_versions", start, "Versions", "DeleteMarkers")
        except ClientError as error:
            if str(error.response.get("Error", {}).get("Code", "")) not in KEPT:
                raise
            keys = self._keys("list_objects_v2", start, "Contents")
        return [f"{folder}/{key.removeprefix(start)}" for key in keys]

    def _keys(self, operation: str, start: str, *kinds: str) -> list[str]:
        pages = self.connection.meta.client.get_paginator(operation)
        found = pages.paginate(Bucket=self.bucket_name, Prefix=start)
        keys = (each["Key"] for page in found for kind in kinds for each in page.get(kind, ()))
        return list(dict.fromkeys(keys))

    @_translating
    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        folders, names = super().listdir(name)
        return folders, names

    @_translating
    def get_modified_time(self, name: str) -> datetime:
        with self._missing(name):
            answer = self.connection.meta.client.head_object(**self._key(name))
        changed: datetime = answer["LastModified"]
        return changed

    @contextmanager
    def _missing(self, name: str) -> Iterator[None]:
        """Raise FileNotFoundError for a file that is not in the bucket.

        A deleted bucket answers 404 too, so this also asks for the bucket.
        """
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code not in ("404", "NoSuchKey"):
                raise
            with _making:
                asker = self._asker
            asker.head_bucket(Bucket=self.bucket_name)
            raise FileNotFoundError(name) from error


def _read(body: Any) -> Iterator[bytes]:
    with as_storage_away(_named), closing(body):
        yield from body.iter_chunks(CHUNK_BYTES)


class LockedBucketStorage(BucketStorage):
    """Files that nobody, not even the bucket's owner, can change or delete for `locked_days`.

    The bucket must have object lock. The requests are short, so they get the time of those for
    which a person waits.
    """

    def __init__(self, *, locked_days: int, **options: Any) -> None:
        self._locked_days = locked_days
        super().__init__(read_seconds=ASK_SECONDS, **options)

    def put_options(self) -> dict[str, Any]:
        until = datetime.now(UTC) + timedelta(days=self._locked_days)
        return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}


@lru_cache(maxsize=8)
def _session(key: str | None, secret: str | None, token: str | None) -> Any:
    """The session that makes clients. It is kept because it takes 0.1 s to read what S3 offers."""
    return boto3.Session(key, secret, token)


def _config(style: str, *, seconds: float, tries: int) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": style},
        connect_timeout=min(CONNECT_SECONDS, seconds),
        read_timeout=seconds,
        retries={"total_max_attempts": tries, "mode": "standard"},
        max_pool_connections=CONNECTIONS,
        # Not every service with this protocol supports the newer default checksums.
        request_checksum_calculation="when_required",
    )
