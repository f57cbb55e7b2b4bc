"""The terminal of `make run`: each line names its program."""

import io
import os
import subprocess
import sys
from contextlib import closing, suppress

import pytest

from seedream_site.console import Console


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def console(out):
    console = Console(out)
    yield console
    console.close()


def write(path, text):
    with path.open("wb") as pipe:
        pipe.write(text)


def test_each_line_follows_the_name_of_its_program(tmp_path, console, out):
    console.follow_pipe(tmp_path / "web.pipe", name="web")
    console.follow_pipe(tmp_path / "worker.pipe", name="worker")

    write(tmp_path / "web.pipe", b"listening\nready\n")
    console.show(wait_seconds=10)
    write(tmp_path / "worker.pipe", b"a task\n")
    console.show(wait_seconds=10)

    assert out.getvalue() == "web    | listening\nweb    | ready\nworker | a task\n"


def test_a_line_is_shown_when_it_is_complete(tmp_path, console, out):
    console.follow_pipe(tmp_path / "web.pipe", name="web")

    write(tmp_path / "web.pipe", b"half a ")
    console.show(wait_seconds=10)
    assert out.getvalue() == ""

    write(tmp_path / "web.pipe", b"line\n")
    console.show(wait_seconds=10)
    assert out.getvalue() == "web | half a line\n"


def test_bytes_that_are_not_text_are_marked(tmp_path, console, out):
    console.follow_pipe(tmp_path / "web.pipe", name="web")

    write(tmp_path / "web.pipe", b"\xff\n")
    console.show(wait_seconds=10)

    assert out.getvalue() == "web | �\n"


def test_a_pipe_left_by_a_killed_start_is_made_again(tmp_path, console, out):
    os.mkfifo(tmp_path / "web.pipe")

    console.follow_pipe(tmp_path / "web.pipe", name="web")
    write(tmp_path / "web.pipe", b"ready\n")
    console.show(wait_seconds=10)

    assert out.getvalue() == "web | ready\n"


def test_the_output_of_a_process_is_shown_to_its_end(console, out):
    command = [sys.executable, "-c", "print('started'); print('stopped')"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        console.follow(process.stdout, name="supervisor")
        process.wait()
        console.show(wait_seconds=10)
        console.show(wait_seconds=10)  # the end of the output

    assert out.getvalue() == "supervisor | started\nsupervisor | stopped\n"


def test_it_continues_to_read_when_the_terminal_is_closed(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    terminal = os.fdopen(writer, "w")
    with closing(Console(terminal)) as console:
        console.follow_pipe(tmp_path / "web.pipe", name="web")
        write(tmp_path / "web.pipe", b"ready\n")
        console.show(wait_seconds=10)

        assert console.is_gone
    with suppress(BrokenPipeError):  # its line is still unwritten
        terminal.close()
