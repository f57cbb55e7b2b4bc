"""What an adapter must be: two pure halves and one line that talks.

An adapter translates one request into the provider's words (`build_submit`), hands it to the
client (`HttpProvider` in `http.py`, the only line that talks), and translates the answer back
(`parse_submit`, `parse_poll`). It never reads settings, rows or the clock: base URL, key and time
are given to it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from generations.providers.types import (
    Accepted,
    Balance,
    Engine,
    GenerationRequest,
    InProgress,
    Payload,
    Result,
    TaskRef,
)


class ImageProvider(ABC):
    """One provider reached with one key.

    Every method that talks raises `ProviderError` and nothing else (see `errors.py`). `submit`
    returns `Accepted` (poll later) or `Result` (engines that answer at once).
    """

    name: ClassVar[str]
    label: ClassVar[str]
    engines: ClassVar[Sequence[Engine]]
    # What one key may do at once and in a minute until an admin sets other figures.
    default_concurrency: ClassVar[int] = 10
    default_per_minute: ClassVar[int] = 60

    @abstractmethod
    def build_submit(self, request: GenerationRequest) -> Payload:
        """The exact request for `submit`: pure, and the same for the same input."""

    @abstractmethod
    def submit(
        self, payload: Payload, *, timeout: float, idempotency_key: str = ""
    ) -> Accepted | Result:
        """Send `payload` once. `timeout` is the total time in seconds."""

    @abstractmethod
    def poll(self, task: TaskRef) -> InProgress | Result:
        """Ask how a task is. Raises `TaskFailed` when it ended without a picture."""

    def cancel(self, task: TaskRef) -> bool:
        """Ask to stop a task; True when the provider took the request. Engines without: False."""
        return False

    def balance(self) -> Balance | None:
        """What is left at the provider, or None where its API does not tell."""
        return None

    @classmethod
    def tier(cls, request: GenerationRequest) -> str:
        """The price tier that a request falls into: its resolution, unless an adapter differs."""
        return request.resolution

    @classmethod
    def engine(cls, name: str) -> Engine:
        """The engine called `name`. Raises `KeyError`."""
        return {engine.name: engine for engine in cls.engines}[name]
