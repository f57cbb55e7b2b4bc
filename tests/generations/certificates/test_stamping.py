"""Time stamps of signatures, by an authority that openssl plays."""

import os
import socket
import threading
from contextlib import contextmanager

import pytest

from accounts import notices
from generations import checks
from generations.certificates import stamping
from generations.labelling.manifests.credentials import TRUSTED
from generations.labelling.manifests.signing import Request
from generations.notice_kinds import IMAGES_UNSTAMPED

pytestmark = pytest.mark.django_db


def is_told():
    return bool(notices.lasting([IMAGES_UNSTAMPED]))


def helper():
    return stamping._helper(os.getpid())


def test_a_signature_gets_one(sign, authority, credentials_of):
    signed = sign()

    found = credentials_of(signed)
    assert signed.is_stamped
    assert (found.state, found.problems) == (TRUSTED, ())
    assert found.stamped_at is not None
    assert len(authority.queries) == 1
    assert not is_told()


def test_the_process_serves_several_files(sign, authority):
    sign()
    process, _ = helper()._process

    assert sign().is_stamped
    assert helper()._process[0] is process


def test_no_process_is_started_without_an_authority(sign, settings):
    assert settings.LABEL_TIMESTAMP_URL == ""
    stamping.forget()

    assert sign().is_stamped is None
    assert helper()._process is None


def test_the_private_key_stays_here(sign, authority, keys, monkeypatch):
    sent = []
    monkeypatch.setattr(
        stamping.Connection,
        "send",
        lambda connection, value, real=stamping.Connection.send: (
            sent.append(repr(value)),
            real(connection, value),
        )[-1],
    )

    assert sign().is_stamped
    assert sent
    assert not any("PRIVATE KEY" in each for each in sent)


@pytest.mark.parametrize(("answer", "status"), [(b"nonsense", 200), (None, 500)])
def test_an_authority_that_fails_costs_only_the_stamp(
    sign, authority, credentials_of, answer, status
):
    authority.answer_with, authority.status = answer, status

    signed = sign()

    assert signed.is_stamped is False
    assert credentials_of(signed).state == TRUSTED
    assert is_told()


def test_one_that_has_failed_is_left_alone_for_a_while(sign, authority):
    authority.status = 500
    sign()
    asked = len(authority.queries)

    assert sign().is_stamped is False
    assert len(authority.queries) == asked
    authority.status = 200
    helper()._rests_until = 0.0
    assert sign().is_stamped
    assert not is_told()


def test_one_that_hangs_is_waited_for_no_longer_than_allowed(
    sign, keys, settings, monkeypatch, credentials_of
):
    monkeypatch.setattr(stamping, "SECONDS", 2.0)
    with hanging() as (address, asked):
        settings.LABEL_TIMESTAMP_URL = address
        try:
            signed = sign()
        finally:
            stamping.forget()

    assert asked.is_set()
    assert signed.is_stamped is False
    assert credentials_of(signed).state == TRUSTED
    assert is_told()


def test_files_of_one_image_share_the_time(authority):
    stamps = stamping.Stamps(authority.url)
    stamps._left = 0.0

    with pytest.raises(stamping.NoStamp):
        stamps(Request(b"", {}, None, ""), None)


def test_a_process_that_has_died_is_started_again(sign, authority):
    sign()
    process, _ = helper()._process
    process.kill()
    process.wait()

    assert sign().is_stamped is False
    helper()._rests_until = 0.0
    assert sign().is_stamped


def test_the_process_ends_with_the_one_that_started_it(sign, authority):
    sign()
    process, connection = helper()._process

    connection.close()

    assert process.wait(30) == 0
    stamping.forget()  # the next test starts another


@pytest.mark.parametrize(
    ("address", "is_wrong"),
    [("", False), ("https://tsa.example/tsr", False), ("tsa.example", True), ("ftp://x", True)],
)
def test_an_address_that_is_none_is_found_at_the_start(settings, address, is_wrong):
    settings.LABEL_TIMESTAMP_URL = address

    assert bool(checks.authority_has_an_address()) is is_wrong


@contextmanager
def hanging():
    """The address of a server that accepts connections and says nothing."""
    asked = threading.Event()
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            try:
                while True:
                    held.append(server.accept()[0])
                    asked.set()
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/tsr", asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in held:
                each.close()
