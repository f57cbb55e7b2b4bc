import socket

import pytest

from tests.emulator.fixtures import emulator, running_emulator

__all__ = ["emulator", "running_emulator"]


@pytest.fixture
def closed_port():
    """A port of this machine on which nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]
