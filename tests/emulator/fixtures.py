"""The emulator for pytest: one server for a session, reset between tests."""

from collections.abc import Iterator

import pytest

from generations.providers.transport import close_clients
from tests.emulator.server import Emulator


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """The emulator; its tasks end at once unless a test says otherwise."""
    with Emulator(seconds=0) as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: Emulator) -> Iterator[Emulator]:
    running_emulator.reset()
    yield running_emulator
    running_emulator.reset()
    close_clients()
