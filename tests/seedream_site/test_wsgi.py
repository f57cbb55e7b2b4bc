"""What a web process starts."""

import os
import subprocess
import sys

import pytest

THREADS = "import threading; print(sorted(thread.name for thread in threading.enumerate()))"


@pytest.mark.parametrize(
    ("code", "threads"),
    [
        ("import seedream_site.wsgi", "['MainThread', 'watch']"),
        ("import django; django.setup()", "['MainThread']"),
    ],
    ids=["a web process", "a management command"],
)
def test_only_a_web_process_starts_the_watch(code, threads):
    command = [sys.executable, "-c", f"{code}; {THREADS}"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "seedream_site.settings"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.stdout.strip() == threads, done.stderr
