"""An S3 server on this machine, and a bucket in which the tested studio keeps its files."""

import json
import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from botocore.config import Config
from werkzeug.wrappers import Response

from seedream_site.file_storages import file_storages

FOLDER = "studio"
# A request that waits longer has hung: no test keeps the server silent for so long.
LONGEST_SECONDS = 60
MASTER = {"aws_access_key_id": "master", "aws_secret_access_key": "master"}


class Server:
    """Moto's S3 on a free port, in threads. It checks keys only within `checking_keys`.

    `calls` are the methods and paths of all requests so far.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._may_answer = threading.Event()
        self._may_answer.set()
        self.calls: list[tuple[str, str]] = []
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.key = self._make_key()

    def _answer(self, environ, start_response):
        self.calls.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        self._may_answer.wait(LONGEST_SECONDS)
        return self._app(environ, start_response)

    def _make_key(self) -> dict[str, str]:
        """A key that may use all buckets."""
        iam = self.client("iam")
        iam.create_user(UserName="studio")
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="studio", PolicyName="s3", PolicyDocument=document)
        made = iam.create_access_key(UserName="studio")["AccessKey"]
        return {"id": made["AccessKeyId"], "secret": made["SecretAccessKey"]}

    def client(self, service="s3"):
        """A client with all rights."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            config=Config(request_checksum_calculation="when_required"),
            **MASTER,
        )

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Accept requests within the context, but answer them only afterwards."""
        self._may_answer.clear()
        try:
            yield
        finally:
            self._may_answer.set()

    @contextmanager
    def refusing(self, code: str) -> Iterator[None]:
        """Answer each request with 403 and this code meanwhile."""
        before, self._app = self._app, Response(f"<Error><Code>{code}</Code></Error>", 403)
        try:
            yield
        finally:
            self._app = before

    @contextmanager
    def checking_keys(self) -> Iterator[None]:
        from moto import settings

        before = settings.INITIAL_NO_AUTH_ACTION_COUNT
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        try:
            yield
        finally:
            settings.INITIAL_NO_AUTH_ACTION_COUNT = before

    def stop(self) -> None:
        self._may_answer.set()
        self._server.shutdown()
        self._server.server_close()


class Bucket:
    """An empty bucket in which the studio keeps its files for one test."""

    def __init__(self, server: Server, settings, monkeypatch) -> None:
        self.server = server
        self.name = f"files-{uuid.uuid4()}"
        self.client = server.client()
        self.client.create_bucket(Bucket=self.name)
        self._settings, self._monkeypatch = settings, monkeypatch
        self.use_key(server.key["secret"])

    def use_key(self, secret: str) -> None:
        """Configure the studio with this secret."""
        self._monkeypatch.setenv("AWS_ACCESS_KEY_ID", self.server.key["id"])
        self._monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        self.use()

    def use(self, parameters: str = "", **options: object) -> None:
        """Configure the studio with more parameters in STORAGE_URL, or options of the storage."""
        address = f"s3://{self.name}/{FOLDER}?endpoint={self.server.url}{parameters}"
        files = file_storages(address)
        for given in files.storages.values():
            given["OPTIONS"] |= options
        self._settings.STORAGES = {**self._settings.STORAGES, **files.storages}
        policy = self._settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        images = {"img-src": [*policy["img-src"], *filter(None, [files.links_origin])]}
        self._settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": policy | images}

    def names(self) -> set[str]:
        """The names of the files in the studio's folder."""
        found = self.client.list_objects_v2(Bucket=self.name, Prefix=f"{FOLDER}/")
        return {each["Key"].removeprefix(f"{FOLDER}/") for each in found.get("Contents", [])}

    def put(self, name: str, data: bytes, **options: str) -> None:
        """Write a file without the studio."""
        self.client.put_object(Bucket=self.name, Key=f"{FOLDER}/{name}", Body=data, **options)

    def remove(self) -> None:
        """Remove the bucket and its files."""
        for name in self.names():
            self.client.delete_object(Bucket=self.name, Key=f"{FOLDER}/{name}")
        self.client.delete_bucket(Bucket=self.name)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server, settings, monkeypatch) -> Bucket:
    """The bucket in which this test's studio keeps originals and renditions."""
    return Bucket(s3_server, settings, monkeypatch)
