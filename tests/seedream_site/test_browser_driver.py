"""What `make test` does before the browser tests: their driver starts, or a message says why not.

A missing library is simulated by a fake node that fails with the message of the dynamic linker.
"""

import importlib
import sys

import pytest

from seedream_site.launch import PROJECT

NODE = """#!/bin/sh
[ -e "{folder}/{library}" ] && exit 0
echo "$0: error while loading shared libraries: {library}: cannot open shared object file: \
No such file or directory" >&2
exit 127
"""
APT_GET = """#!/bin/sh
echo "$@" >> "{folder}/apt-get.log"
case "$*" in *install*libatomic1) {brings} ;; esac
"""


@pytest.fixture
def driver(monkeypatch):
    monkeypatch.syspath_prepend(PROJECT / ".ci")
    yield importlib.import_module("driver")
    for name in ("driver", "packages"):
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def system(tmp_path, monkeypatch, driver):
    """`system(...)`: simulate a machine on which Playwright's node lacks a library."""

    def system(*, library="libatomic.so.1", root=True, brings="") -> None:
        places = {"folder": tmp_path, "library": library}
        for name, script in {"node": NODE, "apt-get": APT_GET}.items():
            program = tmp_path / name
            program.write_text(script.format(**places, brings=brings or ":"))
            program.chmod(0o755)
        monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(tmp_path / "node"))
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        monkeypatch.setattr(driver.packages.os, "geteuid", lambda: 0 if root else 1000)

    return system


def test_the_driver_of_this_machine_starts(driver):
    assert driver.complaint() is None


def test_a_missing_library_is_installed(system, driver, tmp_path):
    system(brings=f'touch "{tmp_path}/libatomic.so.1"')
    driver.prepare()

    assert driver.complaint() is None
    assert (tmp_path / "apt-get.log").read_text().splitlines()[-1].endswith("libatomic1")


def test_a_person_who_may_not_install_is_told_the_package(system, driver):
    system(root=False)

    with pytest.raises(SystemExit, match=r"need libatomic1: install it .*apt-get install libato"):
        driver.prepare()


def test_a_library_that_is_missing_after_its_installation_is_named(system, driver, tmp_path):
    system()

    with pytest.raises(SystemExit, match=r"driver, and it does not start: .*libatomic\.so\.1"):
        driver.prepare()
    assert (tmp_path / "apt-get.log").read_text().count("libatomic1") == 1


def test_a_library_without_a_known_package_is_named(system, driver, tmp_path):
    system(library="libnobody.so.3")

    with pytest.raises(SystemExit, match=r"it does not start: .*libnobody\.so\.3"):
        driver.prepare()
    assert not (tmp_path / "apt-get.log").exists()


def test_a_node_that_cannot_be_run_is_named(system, driver, tmp_path):
    system()
    (tmp_path / "node").unlink()

    with pytest.raises(SystemExit, match=r"does not start: .*node: No such file or directory"):
        driver.prepare()
