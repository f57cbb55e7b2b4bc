"""Slow clients hold no thread for long: a real gunicorn with a few threads."""

import http.client
import socket
import subprocess
import sys
from contextlib import ExitStack, closing

import pytest

from seedream_site.launch import PROJECT

THREADS = 6


@pytest.fixture(scope="module")
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [
            *(sys.executable, "-m", "gunicorn", "tests.seedream_site.slow_web:application"),
            *("--worker-class", "seedream_site.web_worker.PatientWorker"),
            *("--threads", str(THREADS), "--keep-alive", "15"),
            *("--bind", f"fd://{listener.fileno()}", "--no-control-socket", "--log-level", "error"),
        ]
        process = subprocess.Popen(command, cwd=PROJECT, pass_fds=[listener.fileno()])
        yield listener.getsockname()[1]
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def connect(port):
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))


def ask(port):
    """The status and the text of one answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_silent_clients_hold_no_thread(port, connect):
    for _client in range(5 * THREADS):
        connect()
    _status, threads = ask(port)
    assert int(threads) < THREADS


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nbegin",
        b"GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["half a header", "a body that stops", "an answer that is not taken"],
)
def test_clients_that_stop_half_way_are_disconnected(port, connect, beginning):
    for _client in range(5 * THREADS):
        connect().sendall(beginning)
    assert ask(port)[0] == 200


def test_several_requests_go_over_one_connection(port):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for _request in range(3):
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.read()
            assert not answer.will_close


def test_a_connection_ends_where_the_application_says_so(port, connect):
    client = connect()
    client.sendall(b"POST /close HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    answer = b"".join(iter(lambda: client.recv(1000), b""))
    assert b"Connection: close" in answer
