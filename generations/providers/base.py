"""What an adapter must be: pure translation on both sides of one network call.

An adapter translates a request into the provider's format (`build_submit`), sends it with the
client (`HttpProvider` in `http.py`, the only part that uses the network), and translates the answer
back (`parse_submit`, `parse_poll`). It never reads settings, rows or the clock: the base URL, the
key and the time are given to it.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from generations.providers.answers import UNREADABLE, parsed_json
from generations.providers.capabilities import Engine
from generations.providers.concerns import Concern, usual_concern
from generations.providers.errors import ProviderError, WebhookForged
from generations.providers.types import (
    Accepted,
    GenerationRequest,
    InProgress,
    Payload,
    ProviderBalance,
    Result,
    ResultImage,
    TaskRef,
    WebhookCall,
    WebhookNews,
)

# Called with each image as it arrives: its index in the answer, and the image.
OnImage = Callable[[int, ResultImage], None]


class ImageProvider(ABC):
    """One provider, used with one key.

    Every method that calls the provider raises only `ProviderError` (see `errors.py`). `submit`
    returns `Accepted` (poll later) or `Result` (the engine answered at once).
    """

    name: ClassVar[str]
    label: ClassVar[str]
    engines: ClassVar[Sequence[Engine]]
    # Where people sign in to see what the provider has received; its front page if its
    # documentation names nothing closer.
    console: ClassVar[str] = ""
    # How many requests one key may run at once and start in a minute, unless an admin sets other
    # limits.
    default_concurrency: ClassVar[int] = 10
    default_per_minute: ClassVar[int] = 60

    @abstractmethod
    def build_submit(self, request: GenerationRequest) -> Payload:
        """The exact request for `submit`. Pure: the same input always gives the same output."""

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

        An engine that streams calls `on_image` for each image before the answer has ended; the
        result contains all of them again, in the same order.
        """

    def endpoint(self, path: str) -> str:
        """The full address of the `path` of a payload."""
        return path

    @abstractmethod
    def poll(self, task: TaskRef) -> InProgress | Result:
        """Ask for the state of a task. Raises `TaskFailed` if it ended without an image."""

    def cancel(self, task: TaskRef) -> bool:
        """Ask the provider to stop a task; True if it has certainly stopped and no image will come.

        False if the provider cannot cancel, or only promises to try: polls then show how the task
        ends. May be called more than once.
        """
        return False

    def probe(self) -> str:
        """Use the key for something free; return a sentence that says what this proved.

        Raises `ProviderError` if the key does not work. Empty if the API offers nothing free.
        """
        balance = self.balance()
        return f"key accepted, balance {balance.amount} {balance.unit}" if balance else ""

    def region(self) -> str:
        """The region that `base_url` belongs to, if the provider's regions differ; else empty."""
        return ""

    def read_webhook(self, call: WebhookCall, *, now: float) -> WebhookNews:
        """What a webhook call is about; `now` is in seconds since 1970.

        Raises `WebhookForged` if the signature that the provider's page describes is missing or
        wrong, its time is too far from now, or the body names no task. This default is for
        providers that document no
        signature.
        """
        try:
            news = self.webhook_news(call)
        except UNREADABLE:
            raise WebhookForged("The body does not name a task.") from None
        if not isinstance(news.task_id, str) or not news.task_id:
            raise WebhookForged("The body does not name a task.")
        return news

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        """Parse a call's body, as the parsers of answers do; only for engines with webhooks."""
        raise LookupError("This provider calls no webhook.")

    def balance(self) -> ProviderBalance | None:
        """What is left at the provider, or None if its API does not tell."""
        return None

    @classmethod
    def tier(cls, request: GenerationRequest) -> str:
        """The price tier of a request: its resolution, unless the adapter says otherwise.

        It depends on the size alone, because a draft has a price before its references are read.
        """
        return request.resolution

    @classmethod
    def concern_of(cls, error: ProviderError) -> Concern:
        """What a refusal concerns: the request, the key, or the engine at this key."""
        return usual_concern(error)

    @classmethod
    def engines_at(cls, base_url: str) -> Sequence[Engine]:
        """The engines that are served at `base_url`: all of them, unless regions differ."""
        return cls.engines

    @classmethod
    def engine(cls, name: str) -> Engine:
        """The engine called `name`. Raises `KeyError`."""
        return {engine.name: engine for engine in cls.engines}[name]


def digest_of(call: WebhookCall) -> str:
    """An event id for providers that give none: calls with the same body are the same event."""
    return hashlib.sha256(call.body).hexdigest()


def json_of(call: WebhookCall) -> dict:
    """The body of a call as an object. Raises `ValueError`."""
    body = parsed_json(call.body)
    if not isinstance(body, dict):
        raise ValueError("The body is not an object.")
    return body
