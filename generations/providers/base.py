"""What an adapter must be: two pure halves and one line that talks.

An adapter translates one request into the provider's words (`build_submit`), hands it to the
client (`HttpProvider` in `http.py`, the only line that talks), and translates the answer back
(`parse_submit`, `parse_poll`). It never reads settings, rows or the clock: base URL, key and time
are given to it.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from generations.providers.answers import UNREADABLE, parsed_json
from generations.providers.errors import WebhookForged
from generations.providers.types import (
    Accepted,
    Balance,
    Engine,
    GenerationRequest,
    InProgress,
    Payload,
    Result,
    ResultImage,
    TaskRef,
    WebhookCall,
    WebhookNews,
)

# Told of each picture as it arrives: its index in the answer, and the picture.
OnImage = Callable[[int, ResultImage], None]


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
        self,
        payload: Payload,
        *,
        timeout: float,
        idempotency_key: str = "",
        on_image: OnImage | None = None,
    ) -> Accepted | Result:
        """Send `payload` once. `timeout` is the total time in seconds.

        Engines that stream tell `on_image` of each picture before the answer has ended; the result
        names all of them once more, in the same order.
        """

    @abstractmethod
    def poll(self, task: TaskRef) -> InProgress | Result:
        """Ask how a task is. Raises `TaskFailed` when it ended without a picture."""

    def cancel(self, task: TaskRef) -> bool:
        """Ask to stop a task; True when it has surely stopped, and no picture will come.

        False where the provider cannot, or only notes the wish: polls then tell how it ends. It may
        be asked more than once.
        """
        return False

    def probe(self) -> str:
        """Use the key for something that costs nothing; gives a sentence on what it proved.

        Raises `ProviderError` where the key does not work. Empty where the API has no such thing.
        """
        balance = self.balance()
        return f"key accepted, balance {balance.amount} {balance.unit}" if balance else ""

    def region(self) -> str:
        """Where `base_url` leads, in words, for providers whose regions differ; else empty."""
        return ""

    def read_webhook(self, call: WebhookCall, *, now: float) -> WebhookNews:
        """What a call to our webhook is about; `now` is in seconds since 1970.

        Raises `WebhookForged` where the signature that the provider's page describes is missing,
        wrong or too old, or where the body names no task. Here: no signature is documented.
        """
        try:
            news = self.webhook_news(call)
        except UNREADABLE:
            raise WebhookForged("The body does not name a task.") from None
        if not isinstance(news.task_id, str) or not news.task_id:
            raise WebhookForged("The body does not name a task.")
        return news

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        """Read a call's body: straight, as the parsers do. Engines without webhooks: none."""
        raise LookupError("This provider calls no webhook.")

    def balance(self) -> Balance | None:
        """What is left at the provider, or None where its API does not tell."""
        return None

    @classmethod
    def tier(cls, request: GenerationRequest) -> str:
        """The price tier that a request falls into: its resolution, unless an adapter differs."""
        return request.resolution

    @classmethod
    def engines_at(cls, base_url: str) -> Sequence[Engine]:
        """The engines that are served at `base_url`: all, unless regions differ."""
        return cls.engines

    @classmethod
    def engine(cls, name: str) -> Engine:
        """The engine called `name`. Raises `KeyError`."""
        return {engine.name: engine for engine in cls.engines}[name]


def digest_of(call: WebhookCall) -> str:
    """An event id for providers that give none: the same body is the same news."""
    return hashlib.sha256(call.body).hexdigest()


def json_of(call: WebhookCall) -> dict:
    """The body of a call as an object. Raises `ValueError`."""
    body = parsed_json(call.body)
    if not isinstance(body, dict):
        raise ValueError("The body is not an object.")
    return body
