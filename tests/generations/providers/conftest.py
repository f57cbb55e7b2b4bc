import socket

import pytest

from tests.emulator.fixtures import emulator, running_emulator
from tests.generations.providers.plain import Plain

__all__ = ["emulator", "running_emulator"]


@pytest.fixture
def closed_port():
    """A port of this machine on which nothing listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture
def make(emulator):
    """Make a `Plain`, or a subclass of it, whose calls the emulator answers."""

    def make(adapter_class=Plain, **changes):
        return adapter_class(emulator.base_url("apixo"), emulator.key("apixo"), **changes)

    return make
