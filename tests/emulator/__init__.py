"""A real HTTP server on loopback that speaks the providers' documented contracts, strictly.

It knows nothing of the studio's code: each chapter is written from the provider's page, so that an
adapter and its chapter are two independent readings of it. Three ways to use it:

    def test_something(emulator): ...          # fixture, from tests/emulator/fixtures.py
    with Emulator() as emulator: ...           # from Python
    python -m tests.emulator --port 8899       # as a process, steered over HTTP (see `control.py`)

`emulator.script(provider, route, *troubles)` makes it misbehave; see `troubles.py`.
"""

from tests.emulator.server import Emulator
from tests.emulator.troubles import Trouble

__all__ = ["Emulator", "Trouble"]
