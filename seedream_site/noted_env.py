"""The environment, with a keyed hash of each setting that was read, for the log."""

import hashlib
import hmac
from typing import Any

import environ


class NotedEnv(environ.FileAwareEnv):
    """Reads settings from the environment, and remembers those that are set there."""

    def __init__(self) -> None:
        super().__init__()
        self._noted: dict[str, str] = {}

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        value = super().get_value(var, *args, **kwargs)
        self._noted[var] = repr(value)
        return value

    def digests(self, *, key: str) -> dict[str, str]:
        """A hash of each setting's value by its name, keyed so that nobody can confirm a guess."""
        return {
            name: hmac.new(key.encode(), f"{name}={value}".encode(), hashlib.sha256).hexdigest()
            for name, value in sorted(self._noted.items())
        }
