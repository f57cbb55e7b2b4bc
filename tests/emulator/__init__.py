"""A real HTTP server on loopback that behaves as the providers' pages document, strictly.

It uses none of the studio's code. Each chapter is written from its provider's page, so an adapter
and its chapter are two independent readings of that page. There are three ways to use it:

    def test_something(emulator): ...          # fixture, from tests/emulator/fixtures.py
    with Emulator() as emulator: ...           # from Python
    python -m tests.emulator --port 8899       # as a process, controlled over HTTP (`control.py`)

`emulator.script(provider, route, *troubles)` makes it misbehave; see `troubles.py`.
"""

from tests.emulator.server import Emulator
from tests.emulator.troubles import Trouble

__all__ = ["Emulator", "Trouble"]
