"""With its cache away, in each way that can happen, the studio is slower but works."""

import socket
import uuid
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse

from generations.jobs.preload import preload
from generations.models import Run
from tests.accounts.test_sign_in import LOGIN, post_login
from tests.generations.asking import DEMO, ask

pytestmark = pytest.mark.django_db
REDIS = "django.core.cache.backends.redis.RedisCache"
FILES = "django.core.cache.backends.filebased.FileBasedCache"


@pytest.fixture
def silent_port():
    """A port that accepts connections and never answers, as a stopped process does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(params=["refused", "silent", "unwritable"])
def away(request, tmp_path, settings):
    """A cache that is away: no server, a server that does not answer, a folder that is a file."""
    if request.param == "unwritable":
        (tmp_path / "file").touch()
        shared = {"BACKEND": FILES, "LOCATION": str(tmp_path / "file" / "cache")}
    else:
        port = request.getfixturevalue({"refused": "closed_port"}.get(request.param, "silent_port"))
        shared = {
            "BACKEND": REDIS,
            "LOCATION": f"redis://127.0.0.1:{port}/0",
            "OPTIONS": {"socket_connect_timeout": 0.1, "socket_timeout": 0.1},
        }
    settings.CACHES = settings.CACHES | {"shared": shared}


def test_people_sign_in_look_submit_and_poll(away, alice, sign_in):
    browser = sign_in(alice)

    assert browser.get("/").status_code == HTTPStatus.OK
    fields = {"engine": DEMO, "prompt": "ridges at dawn", "num_images": "1", "resolution": "2K"}
    fields |= {"aspect_ratio": "3:2", "idempotency_key": str(uuid.uuid4())}
    assert browser.post(reverse("studio"), fields).status_code == HTTPStatus.SEE_OTHER
    drawn = browser.get("/live/?scope=team&since=", headers={"HX-Request": "true"})
    assert str(Run.objects.get().uuid) in drawn.content.decode()


def test_guessing_passwords_is_limited(away, client, alice):
    refused = [post_login(client, alice.email, f"guess {number}") for number in range(6)]

    assert "not correct" in refused[0].context["form"].non_field_errors()[0]
    assert "Too many failed" in refused[-1].context["form"].non_field_errors()[0]
    assert (
        post_login(Client(), alice.email).status_code == HTTPStatus.OK
    )  # not signed in: the form again


def test_a_worker_starts_and_changes_rows(away, alice, django_capture_on_commit_callbacks):
    preload()
    with django_capture_on_commit_callbacks(execute=True):
        ask(alice, num_images=1)

    assert Run.objects.count() == 1


def test_the_sign_in_page_opens(away, client):
    assert client.get(reverse(LOGIN)).status_code == HTTPStatus.OK
