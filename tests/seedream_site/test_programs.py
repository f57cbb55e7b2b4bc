"""The command lines of the programs: they use the settings, and their options exist."""

import os
import subprocess
import sys

import pytest

from seedream_site import programs
from seedream_site.launch import PROJECT


def after(option: str, command: list[str]) -> str:
    return command[command.index(option) + 1]


@pytest.fixture
def settings(settings, tmp_path):
    settings.HOST, settings.PORT, settings.DATA_DIR = "127.0.0.1", 8000, tmp_path
    return settings


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "127.0.0.1:9000"), ("::1", "[::1]:9000"), ("[::1]", "[::1]:9000")],
)
def test_the_web_process_listens_where_the_settings_say(settings, host, expected):
    settings.HOST, settings.PORT = host, 9000

    assert after("--bind", programs.web()) == expected


def test_each_worker_takes_its_own_queue(settings):
    assert after("--queues", programs.worker()) == "provider"
    assert after("--queues", programs.images()) == "images"


def test_hints_have_threads_even_if_submits_use_all_of_theirs(settings):
    settings.WORKER_THREADS = 32
    assert int(after("--concurrency", programs.worker())) > 32


def test_beat_keeps_its_schedule_in_the_data_folder(settings, tmp_path):
    assert after("--schedule", programs.beat()).startswith(str(tmp_path))


def test_an_unknown_program_lists_all_programs():
    command = [sys.executable, "-m", "seedream_site.programs", "wep"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == "Name one program: web, worker, images, beat.\n"


def test_gunicorn_accepts_every_option(settings):
    command = [sys.executable, "-m", *programs.web(), "--check-config"]
    environment = os.environ | {"SECRET_KEY": "for this test"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
