"""What `make run` checks before it starts, and how the running studio is watched and stopped."""

import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

import pytest
from django.db import connection

from accounts import append_only, occupancy
from seedream_site import launch
from seedream_site.launch import PROJECT, SUPERVISOR_CONFIG, StartError
from seedream_site.programs import PROGRAMS

SLEEPER = """\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
pidfile = %(ENV_STUDIO_RUN_DIR)s/supervisord.pid

[program:sleeper]
command = "%(ENV_STUDIO_PYTHON)s" -c "import os, time; print('I am', os.getpid()); time.sleep(600)"
stdout_logfile = %(ENV_STUDIO_RUN_DIR)s/sleeper.pipe
stdout_logfile_maxbytes = 0
redirect_stderr = true
autorestart = true
"""

SUPERVISE = """\
import signal, sys
from pathlib import Path
from seedream_site.launch import supervise

# A shell without job control lets what it starts in the background ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

folder = Path(sys.argv[1])
config = folder / "supervisor.conf"
told = supervise(config, run_dir=folder, is_ready=lambda: True, greeting="Ready!")
sys.exit(0 if told else 1)
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a space in its name and the configuration of one program, which only sleeps."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "supervisor.conf").write_text(SLEEPER)
    return folder


@pytest.fixture
def supervision(folder):
    command = [sys.executable, "-c", SUPERVISE, folder]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


def next_sleeper(lines) -> int:
    """The process id of the next sleeper to start."""
    for line in lines:
        if line.startswith("sleeper    | I am"):
            return int(line.split()[-1])
    return pytest.fail("the supervision ended before a program ran")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_program_that_dies_is_started_again(supervision):
    first = next_sleeper(supervision.stdout)
    os.kill(first, signal.SIGKILL)

    assert next_sleeper(supervision.stdout) != first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_process(supervision, number):
    sleeper = next_sleeper(supervision.stdout)
    supervision.send_signal(number)

    assert supervision.wait(timeout=60) == 0
    assert not is_alive(sleeper)


def test_every_process_stops_when_the_one_that_started_them_is_killed(folder):
    # The shell acts as `make`. "wait" keeps it from replacing itself with the command.
    script = '"$@" & wait'
    command = ["sh", "-c", script, "sh", sys.executable, "-c", SUPERVISE, folder]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as shell:
        sleeper = next_sleeper(shell.stdout)
        shell.kill()
        shell.stdout.read()  # ends when the supervision has ended

    assert not is_alive(sleeper)


def test_every_process_stops_when_nobody_reads_the_output(supervision, folder):
    sleeper = next_sleeper(supervision.stdout)
    supervisor = int((folder / "supervisord.pid").read_text())
    supervision.stdout.close()
    os.kill(sleeper, signal.SIGKILL)  # the supervisor reports this
    supervision.wait(timeout=60)

    assert not is_alive(supervisor)


def test_a_supervisor_that_ends_by_itself_is_an_error(supervision, folder):
    sleeper = next_sleeper(supervision.stdout)
    os.kill(int((folder / "supervisord.pid").read_text()), signal.SIGTERM)

    assert supervision.wait(timeout=60) == 1
    assert not is_alive(sleeper)


def test_the_greeting_comes_once_and_the_last_lines_are_shown(supervision):
    shown = []
    next_sleeper(shown.append(line) or line for line in supervision.stdout)
    supervision.terminate()
    shown += supervision.stdout

    assert shown.count("Ready!\n") == 1
    assert "stopped: sleeper" in shown[-1]


def test_a_used_port_is_named_with_another_to_try():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StartError, match=rf"port {port} .* taken .* PORT={port + 1}"):
            launch.check_port("127.0.0.1", port)


def test_a_free_port_is_fine():
    with socket.create_server(("127.0.0.1", 0)) as closed_at_once:
        port = closed_at_once.getsockname()[1]

    launch.check_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "[2001:db8::1]", "no.such.invalid"])
def test_an_address_of_another_machine_is_named(host):
    with pytest.raises(StartError, match="change HOST or PORT"):
        launch.check_port(host, 8000)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    in_the_way = tmp_path / "var"
    in_the_way.write_text("a file where the folder should be")

    with pytest.raises(StartError, match=rf"{in_the_way} can't be written .* DATA_DIR"):
        launch.check_folder(in_the_way)


def test_a_second_studio_on_the_same_folder_is_refused(tmp_path):
    launch.check_folder(tmp_path)
    second = launch.the_only_one(tmp_path)
    with launch.the_only_one(tmp_path), pytest.raises(StartError, match="already: stop"):
        second.__enter__()

    with launch.the_only_one(tmp_path):
        pass  # the first has ended


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"PORT": "eighty"}, "eighty"),
        ({"DATA_DIR": "/dev/null/var"}, "/dev/null/var can't be written"),
    ],
)
def test_a_wrong_setting_gives_one_sentence(variables, words):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "seedream_site.settings",
        "SECRET_KEY": "for this test",
        **variables,
    }
    command = [sys.executable, "-m", "seedream_site.launch"]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("Can't start: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_supervisor_starts_every_program():
    assert launch.program_names(SUPERVISOR_CONFIG) == list(PROGRAMS)


class Answer(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        """Keeps the test's output clean."""


@pytest.mark.parametrize(("status", "serving"), [(200, True), (400, True), (500, False)])
def test_it_serves_once_the_web_process_answers(settings, monkeypatch, status, serving):
    monkeypatch.setattr(Answer, "status", status)
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        settings.HOST, settings.PORT = "0.0.0.0", server.server_port
        threading.Thread(target=server.handle_request).start()

        assert launch.is_serving() is serving


def test_it_does_not_serve_while_nothing_listens(settings):
    with socket.create_server(("127.0.0.1", 0)) as closed_at_once:
        settings.HOST, settings.PORT = "127.0.0.1", closed_at_once.getsockname()[1]

    assert launch.is_serving() is False


def test_the_greeting_says_where_and_how_to_sign_in(settings):
    settings.HOST, settings.PORT, settings.PUBLIC_URL = "127.0.0.1", 8123, ""
    settings.STUDIO_ADMIN_EMAIL = "ada@example.com"

    assert "http://127.0.0.1:8123\n" in launch.greeting()
    assert "manage.py changepassword ada@example.com" in launch.greeting()


def test_the_greeting_gives_the_public_address_where_there_is_one(settings):
    settings.PUBLIC_URL = "https://studio.example.com"

    assert "https://studio.example.com\n" in launch.greeting()


def test_a_redis_database_of_another_studio_is_refused_in_one_sentence(monkeypatch):
    def taken():
        raise occupancy.Occupied("CACHE_URL")

    monkeypatch.setattr(occupancy, "claim", taken)
    for command in ("call_command", "connections"):
        monkeypatch.setattr(launch, command, mock.Mock())

    with pytest.raises(StartError, match="another studio uses the Redis database in CACHE_URL"):
        launch.prepare()


@pytest.mark.django_db
def test_a_damaged_log_stops_the_start_before_anything_is_put_right(monkeypatch):
    append_only.remove(connection)
    monkeypatch.setattr(launch, "connections", mock.Mock())  # the test needs its connection

    with pytest.raises(StartError, match=r"no_delete|no_truncate.* audit_accept_damage --reason"):
        launch.prepare()

    assert append_only.damage(connection) != []
