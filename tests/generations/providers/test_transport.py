"""Why there was no connection, and errors that no library documents."""

import errno
import socket
import ssl

import httpcore
import pytest

from generations.providers import transport
from generations.providers.errors import Code, NotSent, OutcomeUnknown, ProviderError, Unavailable
from generations.providers.network import Reason, TimedStream
from generations.providers.types import TaskRef
from tests.generations.providers.plain import PAYLOAD, TASK, Plain

SECONDS = 60.0
SHORT = 1.0


class TestNotSent:
    """The reason tells an admin why."""

    def reason(self, base_url, *, timeout=SECONDS):
        with pytest.raises(NotSent) as raised:
            Plain(base_url, "key").submit(PAYLOAD, timeout=timeout)
        return raised.value.raw_code

    def test_nobody_listens(self, closed_port):
        assert self.reason(f"http://127.0.0.1:{closed_port}") == Reason.REFUSED

    def test_the_name_is_unknown(self):
        assert self.reason("https://nobody.invalid") == Reason.DNS

    def test_the_other_side_speaks_no_tls(self, emulator):
        assert self.reason(f"https://{emulator.host}") == Reason.TLS

    def test_the_handshake_takes_too_long(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"https://127.0.0.1:{silent.getsockname()[1]}"
            assert self.reason(address, timeout=SHORT) == Reason.TIMEOUT

    def test_the_address_is_invalid(self):
        assert self.reason("https://0177.0.0.1") == Reason.ADDRESS

    def test_there_is_no_route(self, monkeypatch):
        def connect(*_arguments):
            raise httpcore.ConnectError("unreachable") from OSError(errno.ENETUNREACH, "no way")

        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
        assert self.reason("http://127.0.0.1:9") == Reason.UNREACHABLE

    @pytest.mark.parametrize("error", [ValueError("x"), RuntimeError("x"), OverflowError("x")])
    def test_an_unforeseen_error_before_a_connection(self, monkeypatch, error):
        def connect(*_arguments):
            raise error

        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
        assert self.reason("http://127.0.0.1:9") == Reason.UNREACHABLE


class TestUnforeseen:
    """Undocumented exceptions, when bytes may already have been sent."""

    @pytest.mark.parametrize(
        "error",
        [ValueError("x"), UnicodeError("x"), RecursionError(), ssl.SSLError(1, "x"), KeyError(1)],
        ids=repr,
    )
    @pytest.mark.parametrize("step", ["write", "read"])
    def test_leave_the_outcome_unknown_and_a_read_unavailable(self, make, monkeypatch, step, error):
        def fail(*_arguments, **_more):
            raise error

        monkeypatch.setattr(TimedStream, step, fail)
        with pytest.raises(OutcomeUnknown) as raised:
            make().submit(PAYLOAD, timeout=SECONDS)
        assert raised.value.raw_code == type(error).__name__
        transport.close_clients()
        with pytest.raises(Unavailable):
            make().poll(TASK)
        transport.close_clients()

    def test_running_out_of_memory_is_not_the_providers_fault(self, make, monkeypatch):
        def fail(*_arguments, **_more):
            raise MemoryError

        monkeypatch.setattr(TimedStream, "write", fail)
        with pytest.raises(MemoryError):
            make().submit(PAYLOAD, timeout=SECONDS)

    @pytest.mark.parametrize(
        "link", ["https://[", "http://127.0.0.1:99999/", "://", "https://a..b/"]
    )
    def test_a_malformed_link_of_a_task_is_a_bad_answer(self, make, emulator, link):
        with pytest.raises(ProviderError) as raised:
            make().poll(TaskRef(task_id="1", model="m", urls={"status": link}))
        assert raised.value.code == Code.BAD_RESPONSE
        assert [call for call in emulator.log if call.method == "GET"] == []
