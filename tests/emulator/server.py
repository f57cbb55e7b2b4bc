"""The emulator itself: one port, a chapter for each provider, a log, a script, a control."""

import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from tests.emulator.apiframe import ApiframeChapter
from tests.emulator.apipod import ApipodChapter
from tests.emulator.apixo import ApixoChapter
from tests.emulator.chapter import Chapter, LoggedCall, Task
from tests.emulator.fal import FalChapter
from tests.emulator.handler import Server
from tests.emulator.modelark import ModelArkChapter
from tests.emulator.replicate import ReplicateChapter
from tests.emulator.seedance import SeedanceChapter
from tests.emulator.troubles import NONE, Trouble

CHAPTERS: tuple[type[Chapter], ...] = (
    ApiframeChapter,
    ApipodChapter,
    ApixoChapter,
    FalChapter,
    ModelArkChapter,
    ReplicateChapter,
    SeedanceChapter,
)
KEY = "emulator-key"


@dataclass(frozen=True)
class SentWebhook:
    """A webhook call as it was sent."""

    url: str
    content: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class Emulator:
    """Speaks every chapter's contract on one port of 127.0.0.1 until `stop`.

    `seconds` is how long a task takes, `small` makes images an eighth as wide and high (quick to
    make, but not the size asked for), `fetch_references` makes it fetch reference links as the
    provider would, `answer_seconds` is how long each answer takes. All may be changed while it
    runs.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        chapters: tuple[type[Chapter], ...] = CHAPTERS,
        seconds: float = 0.2,
        small: bool = False,
        fetch_references: bool = False,
    ) -> None:
        self._server = Server(("127.0.0.1", port), self)
        self._chapters = {chapter.name: chapter(self) for chapter in chapters}
        self._lock = threading.RLock()
        self._timers: set[threading.Timer] = set()
        self.stopping = threading.Event()
        self._start_options = seconds, small, fetch_references
        self.seconds, self.small, self.fetch_references = self._start_options
        self.answer_seconds = 0.0
        self.log: list[LoggedCall] = []
        self.tasks: dict[str, Task] = {}
        self.references: list[bytes] = []
        self.webhooks: list[SentWebhook] = []
        self._script: dict[tuple[str, str], deque[Trouble]] = defaultdict(deque)

    # Starting and stopping

    def start(self) -> Self:
        serve = {"poll_interval": 0.02}
        threading.Thread(target=self._server.serve_forever, kwargs=serve, daemon=True).start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        for timer in list(self._timers):
            timer.cancel()
        self._server.shutdown()
        self._server.hang_up_all()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    # Where it is, and what opens it

    @property
    def host(self) -> str:
        """`127.0.0.1:<port>`, as `PROVIDER_PRIVATE_HOSTS` wants it."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def root(self) -> str:
        return f"http://{self.host}"

    @property
    def providers(self) -> list[str]:
        return list(self._chapters)

    def chapter(self, provider: str) -> Chapter:
        return self._chapters[provider]

    def options(self, provider: str) -> dict[str, str]:
        """What the studio must know of a provider beside key and address."""
        return self._chapters[provider].options

    def base_url(self, provider: str) -> str:
        return self._chapters[provider].base_url

    def key(self, provider: str, slot: int = 1) -> str:
        """A key that `provider` accepts; each slot is an account of its own."""
        return f"{KEY}-{provider}-{slot}"

    def is_key(self, provider: str, key: str) -> bool:
        return key.startswith(f"{KEY}-{provider}-")

    # Steering

    def script(self, provider: str, route: str, *troubles: Trouble | Mapping[str, Any]) -> None:
        """Let the next requests to `route` meet these troubles, one each, in this order.

        Routes of every chapter: `submit`, `status`, `balance`, `image`.
        """
        self._chapters[provider]
        for trouble in troubles:
            known = trouble if isinstance(trouble, Trouble) else Trouble.from_json(trouble)
            with self._lock:
                self._script[provider, route].append(known)

    def finish_tasks(self) -> None:
        """End every task now."""
        now = time.time()
        for task in self.tasks.values():
            task.seconds = min(task.seconds, max(0.0, now - task.created))

    def wait(self) -> None:
        """Return when every callback and every fetch of a reference is done."""
        while timers := self._timers_now():
            for timer in timers:
                timer.join()

    def _timers_now(self) -> list[threading.Timer]:
        with self._lock:
            return list(self._timers)

    def reset(self) -> None:
        """Forget log, script and tasks; options are again as they were at the start."""
        self.seconds, self.small, self.fetch_references = self._start_options
        self.answer_seconds = 0.0
        with self._lock:
            self.log.clear()
            self.tasks.clear()
            self.references.clear()
            self.webhooks.clear()
            self._script.clear()

    # Looking

    def calls(self, provider: str, route: str) -> list[LoggedCall]:
        return [call for call in self.log if (call.provider, call.route) == (provider, route)]

    def submits(self, provider: str) -> list[LoggedCall]:
        return self.calls(provider, "submit")

    def polls(self, provider: str) -> list[LoggedCall]:
        return self.calls(provider, "status")

    # For chapters and the handler

    def chapter_at(self, path: str) -> tuple[Chapter, str] | None:
        """The chapter for a path and what is left of the path."""
        name, _, rest = path.removeprefix("/").partition("/")
        chapter = self._chapters.get(name)
        return (chapter, f"/{rest}") if chapter else None

    def note(self, call: LoggedCall) -> None:
        with self._lock:
            self.log.append(call)

    def next_trouble(self, provider: str, route: str) -> Trouble:
        with self._lock:
            queue = self._script[provider, route]
            if not queue:
                return NONE
            trouble = queue.popleft()
            if trouble.times > 1:
                queue.appendleft(replace(trouble, times=trouble.times - 1))
            return trouble

    def add_task(self, **fields: Any) -> Task:
        with self._lock:
            task = Task(id=f"task_{secrets.token_hex(8)}", seconds=self.seconds, **fields)
            self.tasks[task.id] = task
        return task

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Run `do` in a thread after `seconds`, unless the emulator stops first."""

        def run() -> None:
            try:
                do()
            finally:
                self._timers.discard(timer)

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        with self._lock:
            self._timers.add(timer)
            timer.start()

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> int:
        """Call a webhook; the status it was answered with, 0 for none."""
        sent = SentWebhook(url, content, {"Content-Type": "application/json"} | dict(headers))
        self.webhooks.append(sent)
        request = urllib.request.Request(url, content, dict(sent.headers), method="POST")
        return _status_of(request)

    def fetch(self, url: str) -> bytes:
        """A reference, as the provider fetches it. Raises `OSError`."""
        with urllib.request.urlopen(url, timeout=10) as response:
            content: bytes = response.read()
        self.references.append(content)
        return content


def _status_of(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0
