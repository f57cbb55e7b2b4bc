"""The emulator: one port, a chapter for each provider, a log, a script, remote control."""

import json
import secrets
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
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


class Gate:
    """Where held requests wait, and learn whether to continue."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._goes_on = True

    def wait(self) -> bool:
        self._opened.wait()
        return self._goes_on

    def open(self, *, goes_on: bool) -> None:
        self._goes_on = goes_on
        self._opened.set()


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
    """Behaves as every provider's pages document, on one port of 127.0.0.1, until `stop`.

    `seconds` is how long a task takes. `small` makes images an eighth as wide and high (made
    quickly, but not of the requested size). `fetch_references` makes it fetch reference links as
    the provider would. `answer_seconds` is how long each answer takes. All may be changed while it
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
        self.gate = Gate()
        self._start_options = seconds, small, fetch_references
        self.seconds, self.small, self.fetch_references = self._start_options
        self.answer_seconds = 0.0
        self.log: list[LoggedCall] = []
        self.tasks: dict[str, Task] = {}
        self.references: list[bytes] = []
        self.webhooks: list[SentWebhook] = []
        self._script: dict[tuple[str, str], deque[Trouble]] = defaultdict(deque)
        self._key_troubles: dict[tuple[str, str, str], Trouble] = {}

    # Starting and stopping

    def start(self) -> Self:
        serve = {"poll_interval": 0.02}
        threading.Thread(target=self._server.serve_forever, kwargs=serve, daemon=True).start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self.gate.open(goes_on=False)
        for timer in list(self._timers):
            timer.cancel()
        self._server.shutdown()
        self._server.hang_up_all()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    # Its address and its keys

    @property
    def host(self) -> str:
        """`127.0.0.1:<port>`, in the form of `PROVIDER_PRIVATE_HOSTS`."""
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
        """The settings of a provider besides key and base URL."""
        return self._chapters[provider].options

    def base_url(self, provider: str) -> str:
        return self._chapters[provider].base_url

    def key(self, provider: str, slot: int = 1) -> str:
        """A key that `provider` accepts; each slot is a separate account."""
        return f"{KEY}-{provider}-{slot}"

    def is_key(self, provider: str, key: str) -> bool:
        return key.startswith(f"{KEY}-{provider}-")

    # Controlling

    def script(self, provider: str, route: str, *troubles: Trouble | Mapping[str, Any]) -> None:
        """Apply these troubles to the next requests to `route`, one each, in this order.

        Routes of every chapter: `submit`, `status`, `balance`, `image`.
        """
        self._chapters[provider]
        for trouble in troubles:
            known = trouble if isinstance(trouble, Trouble) else Trouble.from_json(trouble)
            with self._lock:
                self._script[provider, route].append(known)

    def let_go(self) -> None:
        """Let every request continue that a trouble holds."""
        self.gate.open(goes_on=True)

    def script_key(self, provider: str, slot: int, route: str, trouble: Trouble | None) -> None:
        """Apply `trouble` to every request to `route` with the key of `slot`; None ends this."""
        place = provider, route, self.key(provider, slot)
        with self._lock:
            if trouble is None:
                self._key_troubles.pop(place, None)
            else:
                self._key_troubles[place] = trouble

    def tasks_of(self, account: str) -> list[Task]:
        """The tasks of an account, also while another thread adds some."""
        return [task for task in list(self.tasks.values()) if task.account == account]

    def finish_tasks(self) -> None:
        """End every task now."""
        now = time.time()
        for task in list(self.tasks.values()):
            task.seconds = min(task.seconds, max(0.0, now - task.created))

    def wait(self) -> None:
        """Wait until every callback and every fetch of a reference is done."""
        while timers := self._timers_now():
            for timer in timers:
                timer.join()

    def _timers_now(self) -> list[threading.Timer]:
        with self._lock:
            return list(self._timers)

    def reset(self) -> None:
        """Forget log, script, tasks and held requests; restore the options of the start."""
        self.gate.open(goes_on=False)
        self.gate = Gate()
        self.seconds, self.small, self.fetch_references = self._start_options
        self.answer_seconds = 0.0
        with self._lock:
            self.log.clear()
            self.tasks.clear()
            self.references.clear()
            self.webhooks.clear()
            self._script.clear()
            self._key_troubles.clear()

    # Reading

    def calls(self, provider: str, route: str) -> list[LoggedCall]:
        return [call for call in self.log if (call.provider, call.route) == (provider, route)]

    def submits(self, provider: str) -> list[LoggedCall]:
        return self.calls(provider, "submit")

    def polls(self, provider: str) -> list[LoggedCall]:
        return self.calls(provider, "status")

    # For chapters and the handler

    def chapter_at(self, path: str) -> tuple[Chapter, str] | None:
        """The chapter for a path, and the rest of the path."""
        name, _, rest = path.removeprefix("/").partition("/")
        chapter = self._chapters.get(name)
        return (chapter, f"/{rest}") if chapter else None

    def note(self, call: LoggedCall) -> None:
        with self._lock:
            self.log.append(call)

    def next_trouble(self, provider: str, route: str, headers: Mapping[str, str]) -> Trouble:
        """The trouble for this request: that of its key, else the next one of the script."""
        with self._lock:
            for (name, path, key), trouble in self._key_troubles.items():
                if (name, path) == (provider, route) and key in " ".join(headers.values()).split():
                    return trouble
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
        """Call a webhook. Return the status of its answer, or 0 if there is none."""
        sent = SentWebhook(url, content, {"Content-Type": "application/json"} | dict(headers))
        self.webhooks.append(sent)
        request = urllib.request.Request(url, content, dict(sent.headers), method="POST")
        return _status_of(request)

    def fetch(self, url: str) -> bytes:
        """Fetch a reference, as the provider does. Raises `OSError`."""
        with urllib.request.urlopen(url, timeout=60) as response:
            content: bytes = response.read()
        self.references.append(content)
        return content


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _status_of(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=30, context=_tls()) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0
