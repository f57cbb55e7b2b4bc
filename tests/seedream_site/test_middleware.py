"""The headers of every answer, and the limits of every request."""

import gzip
import io
import os
import re
import stat
import subprocess
import sys

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from generations import submission
from generations.models import Reference
from generations.views import studio, uploads
from seedream_site.launch import PROJECT
from tests.factories import make_user
from tests.generations.factories import image_file, make_finished_run


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, *args):
        raise AssertionError("the body was read")


def announce(client, path, size):
    """A request whose body of `size` bytes has not arrived yet."""
    body = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(size)}
    form = "multipart/form-data; boundary=b"
    return client.generic("POST", path, content_type=form, **body)


def test_a_page_may_use_no_device_and_may_not_be_embedded(client):
    response = client.get(reverse("healthz"))
    assert "camera=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "size"),
    [("/account/login/", 3_000_000), ("/hooks/fal/x/", 3_000_000), ("/", 3_000_000_000)],
)
def test_a_body_above_the_limit_is_refused_unread(client, db, path, size):
    response = announce(client, path, size)
    assert (response.status_code, response["Connection"]) == (413, "close")
    assert "fewer or smaller files" in response.content.decode()


@pytest.mark.parametrize("length", ["x", "-1", "²", "9" * 5000, "0" * 5000])
def test_a_length_that_can_not_be_read_is_a_bad_request(client, db, length):
    assert announce(client, "/account/login/", length).status_code == 400


def test_an_empty_length_is_no_body(client, db):
    assert announce(client, "/account/login/", "").status_code == 200


def test_without_the_right_no_file_is_read(db):
    stranger = make_user(groups=[])
    client = Client()
    client.force_login(stranger)
    assert announce(client, reverse("studio"), 50_000_000).status_code == 403
    assert announce(Client(), reverse("studio"), 50_000_000).status_code == 302


class TestFiles:
    @pytest.fixture
    def tab(self, alice, client):
        client.force_login(alice)
        return client

    def press(self, tab, *files):
        form = {"prompt": "a fox", "engine": "demo/seedream-4-5", "references": files}
        form |= {"rights": "own", "idempotency_key": "11111111-2222-3333-4444-555555555555"}
        return tab.post(reverse("studio"), form)

    def test_only_the_beginning_of_a_file_that_is_too_large_is_kept(self, tab, monkeypatch):
        kept = []
        check_upload = submission.check_upload

        def note(file, **more):
            kept.append((file.size, len(file.file.read())))
            return check_upload(file, **more)

        monkeypatch.setattr(submission, "check_upload", note)
        response = self.press(tab, SimpleUploadedFile("big.png", bytes(21_000_000)))
        assert response.status_code == 422
        assert "“big.png” can&#x27;t be used. The file is 20.0" in response.content.decode()
        [(size, on_disk)] = kept
        assert size == 21_000_000
        assert on_disk <= submission.MAX_BYTES

    def test_more_files_than_the_engine_takes_are_counted(self, tab):
        files = [SimpleUploadedFile(f"{n}.png", image_file()) for n in range(50)]
        assert "you gave 50" in self.press(tab, *files).content.decode()

    def test_more_files_than_any_engine_takes_are_not_read(self, tab):
        files = [SimpleUploadedFile(f"{n}.png", b"x") for n in range(101)]
        assert self.press(tab, *files).status_code == 400
        assert not Reference.objects.exists()

    def test_other_pages_drop_files(self, client, db):
        login = reverse("account_login")
        response = client.post(login, {"login": SimpleUploadedFile("a.txt", b"x" * 1000)})
        assert not response.wsgi_request.FILES

    def test_the_composer_takes_a_form_with_files_and_drops_them(self, tab):
        assert studio.composer.most_bytes == uploads.MOST_BYTES
        form = {"prompt": "a fox", "references": SimpleUploadedFile("a.png", image_file())}
        response = tab.post(reverse("composer"), form)
        assert response.status_code == 200
        assert not response.wsgi_request.FILES


def test_only_the_studios_user_can_read_its_files(tmp_path):
    folder = tmp_path / "data"
    environment = os.environ | {"DATA_DIR": str(folder)}
    environment |= {"DJANGO_SETTINGS_MODULE": "seedream_site.settings"}
    environment |= {"DATABASE_URL": f"sqlite:///{folder / 'studio.sqlite3'}", "SECRET_KEY": "x"}
    command = "from django.db import connection as c; c.cursor().execute('create table t (x)')"
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", command],
        cwd=PROJECT,
        env=environment,
        check=True,
    )
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes["studio.sqlite3"] == 0o600


class TestCompression:
    GZIP = {"Accept-Encoding": "gzip"}

    def test_a_page_is_compressed_for_a_browser_that_takes_it(self, client, db):
        plain = client.get("/account/login/")
        packed = client.get("/account/login/", headers=self.GZIP)
        assert "Content-Encoding" not in plain
        assert packed["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed["Vary"]
        assert len(packed.content) < len(plain.content) / 2
        assert b"</html>" in gzip.decompress(packed.content)

    def test_the_same_page_has_different_lengths(self, client, db):
        lengths = {len(client.get("/account/login/", headers=self.GZIP).content) for _ in range(12)}
        assert len(lengths) > 1

    def test_a_token_looks_different_in_each_answer(self, client, db):
        pages = [client.get("/account/login/").content.decode() for _ in range(2)]
        first, second = (
            re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)[1] for page in pages
        )
        assert first != second

    def test_an_unchanged_poll_has_no_body_to_compress(self, alice, sign_in):
        client = sign_in(alice)
        tag = client.get(reverse("live"))["HX-PTag"]
        answer = client.get(reverse("live"), headers={**self.GZIP, "HX-PTag": tag})
        assert (answer.status_code, answer.content) == (304, b"")
        assert "Content-Encoding" not in answer

    def test_a_file_is_not_compressed(self, alice, sign_in):
        image = make_finished_run(alice, files=True).images.get()
        path = reverse("image-download", args=[image.uuid])
        answer = sign_in(alice).get(path, headers=self.GZIP)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer
        assert answer.getvalue().startswith(b"\x89PNG")  # reading to the end closes the file
