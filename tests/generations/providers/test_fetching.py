"""Fetching connects only to public addresses, and ends."""

import logging
import socket
import threading
from ipaddress import ip_address

import httpcore
import pytest

from generations.providers.addresses import is_public
from generations.providers.errors import Code, FetchFailed
from generations.providers.fetching import fetch
from generations.providers.network import AddressRefused, GuardedBackend, TimedStream
from tests.emulator import Trouble, troubles

MAX_BYTES = 10_000_000
SECONDS = 60.0
SHORT = 1.0


@pytest.fixture
def url(emulator):
    """The link of an image that exists."""
    emulator.small = True
    task = emulator.add_task(provider="apixo", account="", wanted=1, size=(512, 512), delivered=1)
    return f"{emulator.root}/apixo/files/{task.id}/1.png"


@pytest.fixture
def get(emulator):
    def get(url, *, max_bytes=MAX_BYTES, timeout=SECONDS, **more):
        private_hosts = more.pop("private_hosts", [emulator.host])
        return fetch(url, max_bytes=max_bytes, timeout=timeout, private_hosts=private_hosts, **more)

    return get


def names(**addresses):
    """A resolver that knows only these names and records what it was asked."""
    asked = []

    def resolve(host, port, **_more):
        asked.append(host)
        if host not in addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown name")
        found = addresses[host]
        return [
            (0, 0, 0, "", (address, port))
            for address in ([found] if isinstance(found, str) else found)
        ]

    resolve.asked = asked
    return resolve


def failure(get, *arguments, **more):
    with pytest.raises(FetchFailed) as raised:
        get(*arguments, **more)
    return raised.value


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"],
    )
    def test_public(self, address):
        assert is_public(ip_address(address))

    @pytest.mark.parametrize(
        "address",
        [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:db8::1",
            "fc00::1",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "ff02::1",
        ],
    )
    def test_not_public(self, address):
        assert not is_public(ip_address(address))

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "[::1]",
            "10.0.0.1",
            "169.254.169.254",
            "[::ffff:7f00:1]",
            "2130706433",
            "0x7f.1",
        ],
    )
    def test_a_literal_private_address_is_refused_for_good(self, get, host):
        error = failure(get, f"https://{host}/x.png")
        assert (error.final, error.code) == (True, Code.IMAGE_UNREACHABLE)

    @pytest.mark.parametrize("found", ["127.0.0.1", ["8.8.8.8", "10.0.0.1"], ["::1", "8.8.8.8"]])
    def test_a_name_that_leads_to_one_is_refused_for_good(self, get, found):
        assert failure(
            get, "https://images.test/x.png", resolver=names(**{"images.test": found})
        ).final

    def test_the_address_that_was_checked_is_the_one_connected_to(self, monkeypatch):
        """A name server that gives another answer after the check changes nothing."""
        connected = []

        def connect(_self, host, *_arguments):
            connected.append(host)
            raise httpcore.ConnectError("no network in a test")

        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
        resolve = names(**{"images.test": "8.8.8.8"})
        with pytest.raises(httpcore.ConnectError):
            GuardedBackend(resolver=resolve).connect_tcp("images.test", 443)
        assert connected == ["8.8.8.8"]
        assert resolve.asked == ["images.test"]

    def test_a_private_host_is_one_host_and_one_port(self):
        backend = GuardedBackend(
            {"images.test:8443"}, resolver=names(**{"images.test": "127.0.0.1"})
        )
        with pytest.raises(AddressRefused):
            backend.connect_tcp("images.test", 443)


class TestSchemes:
    @pytest.mark.parametrize(
        "url",
        [
            "http://images.example/x.png",
            "ftp://images.example/x.png",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "//images.example/x.png",
            "x.png",
            "",
            "https://images.example:port/",
            "https://[::1/",
        ],
    )
    def test_schemes_other_than_https_are_refused_for_good(self, get, url):
        error = failure(get, url)
        assert (error.final, error.code) == (True, Code.IMAGE_UNREACHABLE)


class TestMalformed:
    """No request can be made of such a link, so another try is useless."""

    @pytest.mark.parametrize(
        "url",
        [
            "https://0177.0.0.1/x.png",
            "https://256.256.256.256/x.png",
            "https://[/x.png",
            "https://[v1.x]/x.png",
            "https://a..b/x.png",
            "https://-/\0x.png",
            "https://xn--/x.png",
            "https://xn--a\N{SNOWMAN}/x.png",
            "https://ex\N{FULLWIDTH COMMERCIAL AT}ample/x.png",
            f"https://{'a' * 64}\N{SNOWMAN}.example/x.png",
            "https://images.example:99999/x.png",
            "https://images.example:-1/x.png",
            "https://images.example/\u007fx.png",
            f"https://images.example/{'x' * 10_000}.png",
            f"https://{'x.' * 5_000}example/x.png",
        ],
        ids=lambda url: ascii(url)[:40],
    )
    def test_an_invalid_link_is_refused_for_good(self, get, url):
        error = failure(get, url, resolver=names())
        assert (error.final, error.code) == (True, Code.IMAGE_UNREACHABLE)

    @pytest.mark.parametrize("target", ["https://[", "https://0177.0.0.1/", "https://a..b/"])
    def test_a_redirect_to_an_invalid_link_is_refused_for_good(self, get, url, emulator, target):
        emulator.script("apixo", "image", troubles.redirect(target))
        assert failure(get, url).final

    @pytest.mark.parametrize(
        "error", [ValueError("x"), RuntimeError("x"), KeyError("x"), RecursionError(), OSError()]
    )
    @pytest.mark.parametrize("step", ["connect_tcp", "start_tls", "_addresses"])
    def test_an_unforeseen_error_is_a_failed_fetch(self, get, monkeypatch, step, error):
        def fail(*_arguments, **_more):
            raise error

        part = TimedStream if step == "start_tls" else GuardedBackend
        monkeypatch.setattr(part, step, fail)
        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_arguments: None)
        resolve = names(**{"images.test": "8.8.8.8"})
        assert not failure(get, "https://images.test/x.png", resolver=resolve).final

    def test_a_name_server_that_never_answers_is_not_waited_for(self, get):
        answer = threading.Event()

        def silent(*_arguments, **_more):
            answer.wait()
            return []

        error = failure(get, "https://images.test/x.png", timeout=0.2, resolver=silent)
        answer.set()
        assert (error.final, error.message) == (False, "timeout")

    def test_an_invalid_answer_of_the_name_server_is_no_address(self, get):
        resolve = names(**{"images.test": "not an address"})
        assert failure(get, "https://images.test/x.png", resolver=resolve).final


class TestPrivateHosts:
    def test_may_be_private_and_plain(self, get, url):
        assert get(url).startswith(b"\xff\xd8")

    def test_are_asked_under_their_own_name(self, get, url, emulator):
        port = emulator.host.partition(":")[2]
        named = url.replace("127.0.0.1", "images.test")
        resolve = names(**{"images.test": "127.0.0.1"})
        data = get(named, private_hosts=[f"Images.TEST:{port}"], resolver=resolve)
        assert data.startswith(b"\xff\xd8")
        assert emulator.log[0].headers["Host"] == f"images.test:{port}"

    def test_their_name_is_sent_in_the_tls_handshake(self, get):
        hello = bytearray()
        with socket.create_server(("127.0.0.1", 0)) as server:

            def hear():
                connection, _ = server.accept()
                with connection:
                    hello.extend(connection.recv(4096))

            hearing = threading.Thread(target=hear)
            hearing.start()
            host = f"images.test:{server.getsockname()[1]}"
            resolve = names(**{"images.test": "127.0.0.1"})
            error = failure(get, f"https://{host}/x", private_hosts=[host], resolver=resolve)
            hearing.join()
        assert not error.final
        assert b"images.test" in hello

    def test_no_key_goes_with_it(self, get, url, emulator):
        get(url)
        [call] = emulator.calls("apixo", "image")
        assert call.account == ""
        assert {"Cookie", "Referer"}.isdisjoint(call.headers)


class TestRedirects:
    def test_are_followed_up_to_five(self, get, url, emulator):
        emulator.script("apixo", "image", *(troubles.redirect(url) for _ in range(5)))
        assert get(url).startswith(b"\xff\xd8")

    def test_may_be_relative(self, get, url, emulator):
        emulator.script("apixo", "image", troubles.redirect("1.png"))
        assert get(url).startswith(b"\xff\xd8")

    def test_end_after_five(self, get, url, emulator):
        emulator.script("apixo", "image", *(troubles.redirect(url) for _ in range(6)))
        assert not failure(get, url).final
        assert len(emulator.calls("apixo", "image")) == 6

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_to_a_private_address_are_refused_for_good(self, get, url, emulator, scheme):
        with socket.create_server(("127.0.0.1", 0)) as inside:
            inside.setblocking(False)
            target = f"{scheme}://127.0.0.1:{inside.getsockname()[1]}/admin"
            emulator.script("apixo", "image", troubles.redirect(target))
            assert failure(get, url).final
            with pytest.raises(BlockingIOError):  # nobody called
                inside.accept()


class TestTrouble:
    @pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504])
    def test_a_status_may_be_better_next_time(self, get, url, emulator, status):
        emulator.script("apixo", "image", troubles.status(status))
        assert not failure(get, url).final
        assert get(url)

    @pytest.mark.parametrize(
        "trouble",
        [troubles.dropped_unread(), troubles.lost_answer(), troubles.cut_midway(), Trouble(raw="")],
        ids=["unread", "lost", "cut", "empty"],
    )
    def test_a_broken_connection_may_be_better_next_time(self, get, url, emulator, trouble):
        emulator.script("apixo", "image", trouble)
        assert not failure(get, url).final
        assert get(url)

    def test_a_refused_connection_may_be_better_next_time(self, get, closed_port):
        host = f"127.0.0.1:{closed_port}"
        assert not failure(get, f"http://{host}/x.png", private_hosts=[host]).final

    def test_a_name_without_an_address_may_be_better_next_time(self, get):
        assert not failure(get, "https://images.test/x.png", resolver=names()).final

    @pytest.mark.parametrize(
        "trouble", [troubles.slow(60), troubles.dripping(0.1)], ids=["silence", "bytes"]
    )
    def test_the_whole_fetch_is_limited(self, get, url, emulator, trouble):
        emulator.script("apixo", "image", trouble)
        assert not failure(get, url, timeout=SHORT).final

    def test_the_limit_holds_over_redirects(self, get, url, emulator):
        emulator.script(
            "apixo",
            "image",
            *(Trouble(delay=SHORT / 2, status=302, headers={"Location": url}) for _ in range(5)),
        )
        assert not failure(get, url, timeout=SHORT).final
        assert len(emulator.calls("apixo", "image")) < 5


class TestSize:
    def test_up_to_the_limit(self, get, url, emulator):
        emulator.script("apixo", "image", Trouble(raw="x" * 1000))
        assert len(get(url, max_bytes=1000)) == 1000

    @pytest.mark.parametrize(
        "trouble", [Trouble(raw="x" * 1001), troubles.flood()], ids=["announced", "streamed"]
    )
    def test_more_is_refused_for_good(self, get, url, emulator, trouble):
        emulator.script("apixo", "image", trouble)
        error = failure(get, url, max_bytes=1000)
        assert (error.final, error.code) == (True, Code.IMAGE_TOO_LARGE)


def test_the_link_is_never_logged(get, url, emulator, caplog):
    emulator.script("apixo", "image", troubles.redirect(url), troubles.status(500))
    with caplog.at_level(logging.DEBUG):
        error = failure(get, url)
        get(url)
    assert url.rpartition("/files/")[2] not in f"{caplog.text} {error} {error!r}"
