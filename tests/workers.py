"""Makes once, for all workers of pytest-xdist, what each would otherwise make for itself.

The bytecode of the tests in a fresh checkout takes 13 seconds of processor time, and the
migrations take 10. Each worker gets a copy of the migrated database.
"""

import importlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from pytest_django.plugin import blocking_manager_key

TESTS = Path(__file__).parent
MADE = "databases-made"
LONGEST_MAKING_SECONDS = 600


class Databases:
    """A migrated database, and a copy of it for each of the workers `names`.

    A thread makes them while the workers start and collect. `MADE` appears beside them at its end.
    """

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._original_name = connection.settings_dict["NAME"]
        self._made: Future[None] = Future()

    def start(self) -> None:
        threads = ThreadPoolExecutor(1, thread_name_prefix="databases")
        self._made = threads.submit(self._make)
        threads.shutdown(wait=False)

    def _make(self) -> None:
        try:
            creation = connection.creation
            creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            connection.close()  # PostgreSQL copies a database only if nobody is connected to it
            for name in self._names:
                creation.clone_test_db(suffix=name, verbosity=0, autoclobber=True)
        finally:
            connection.close()
            (settings.DATA_DIR / MADE).touch()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Delete them, after the workers have ended. Raises what has kept them from being made."""
        self._made.result()
        for name in self._names:
            connection.creation.destroy_test_db(suffix=name, verbosity=0)
        connection.creation.destroy_test_db(self._original_name, verbosity=0)


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Prepare, in the process that starts the workers."""
    config.stash[blocking_manager_key].unblock()
    databases = Databases([f"gw{number}" for number in range(len(specs))])
    config.pluginmanager.register(databases)
    databases.start()
    if not sys.dont_write_bytecode:
        for module in not_compiled():
            importlib.import_module(module)


def not_compiled() -> Iterator[str]:
    """The test modules of which pytest has written no bytecode."""
    for path in sorted(TESTS.rglob("test_*.py")):
        if not any((path.parent / "__pycache__").glob(f"{path.stem}.*-pytest-*.pyc")):
            yield ".".join(["tests", *path.relative_to(TESTS).with_suffix("").parts])


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """Whether the test database exists already, and who made it deletes it."""
    return hasattr(request.config, "workerinput")


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Leave the names of `tests.settings`, and copy a worker's SQLite file to its folder."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        _wait_until_made(settings.DATA_DIR.parent / MADE)
    name = Path(settings.DATABASES["default"]["TEST"]["NAME"])
    copy = name.parent.parent / name.name
    if connection.vendor == "sqlite" and copy.exists():
        shutil.copyfile(copy, name)


def _wait_until_made(made: Path) -> None:
    deadline = time.monotonic() + LONGEST_MAKING_SECONDS
    while not made.exists():
        assert time.monotonic() < deadline, "the databases of the workers were not made in time"
        time.sleep(0.1)
