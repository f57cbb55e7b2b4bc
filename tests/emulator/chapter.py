"""What the chapters share: calls, replies, tasks and the log."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from tests.emulator import images
from tests.emulator.troubles import Trouble

if TYPE_CHECKING:
    from tests.emulator.server import Emulator

SECRET_HEADERS = frozenset({"authorization", "x-api-key"})
# The share of a task's time that it waits in line.
SHARE_PENDING = 0.25


def fingerprint(key: str) -> str:
    """The name of an account in logs: the first 12 hexadecimal digits of its key's SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


@dataclass
class LoggedCall:
    """One request as received, without secrets, and its outcome (status 0: no answer).

    `peer` is the client's port: requests with the same one came over the same connection.
    """

    provider: str
    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    peer: int = 0
    body: Any = None
    account: str = ""
    status: int = 0
    accepted: bool = False
    task_id: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Call:
    """A request, as a chapter gets it."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    log: LoggedCall
    trouble: Trouble
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """An answer. With `pieces`, which are sent one by one as they are made, it is a stream."""

    status: int = 200
    body: Any = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Iterator[bytes] | None = None

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


class RefusedCall(Exception):
    """A refusal by the provider: a status and a sentence for its error body."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Route:
    """`pattern` is a regular expression for the path below the chapter's base URL."""

    name: str
    method: str
    pattern: str
    handler: Callable[[Any, Call], Reply]


@dataclass
class Task:
    """One accepted request and how it ends. While it is `held`, it does not end.

    `facts` is for what a chapter must remember about it.
    """

    id: str
    provider: str
    account: str
    wanted: int
    size: tuple[int, int]
    seconds: float
    fail: str = ""
    message: str = ""
    delivered: int = 0
    held: bool = False
    cancelled: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    created: float = field(default_factory=time.time)

    @property
    def done(self) -> bool:
        return not self.held and time.time() >= self.created + self.seconds

    @property
    def begun(self) -> bool:
        return time.time() >= self.created + self.seconds * SHARE_PENDING

    @property
    def ended(self) -> float:
        return self.created + self.seconds


class Chapter:
    """One provider: its routes, its errors, its tasks.

    All its URLs begin with `/<name>`: the API below `prefix`, as in the provider's own base URL,
    and the images below `/files`.
    """

    name: ClassVar[str]
    prefix: ClassVar[str]
    routes: ClassVar[tuple[Route, ...]]

    def __init__(self, emulator: "Emulator") -> None:
        self.emulator = emulator

    @property
    def options(self) -> dict[str, str]:
        """The provider's settings besides key and base URL, by the name of their option."""
        return {}

    @property
    def base_url(self) -> str:
        return f"{self.emulator.root}/{self.name}{self.prefix}"

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a path below `/<name>`, and the path's named parts."""
        for route in (*self.routes, IMAGE):
            prefix = "" if route is IMAGE else re.escape(self.prefix)
            found = re.fullmatch(prefix + route.pattern, path)
            if found and route.method == method:
                return route, found.groupdict()
        return None

    def error(self, status: int, message: str = "") -> Reply:
        """The documented body of an error."""
        raise NotImplementedError

    def handle(self, route: Route, call: Call) -> Reply:
        try:
            return route.handler(self, call)
        except RefusedCall as refused:
            return self.error(refused.status, refused.message)

    def accept(self, call: Call, *, account: str, wanted: int, size: tuple[int, int]) -> Task:
        """Accept a request: make a task that ends as the script says."""
        trouble = call.trouble
        most = wanted if trouble.deliver is None else min(wanted, trouble.deliver)
        task = self.emulator.add_task(
            provider=self.name,
            account=account,
            wanted=wanted,
            size=trouble.size or size,
            fail=trouble.fail,
            message=trouble.message,
            delivered=0 if trouble.fail else most,
        )
        call.log.accepted, call.log.task_id = True, task.id
        return task

    def call_webhook(
        self,
        task: Task,
        url: str,
        sign: Callable[[bytes], Mapping[str, str]],
        body: Callable[[], Any],
        *,
        tries: int = 1,
        most: int = 4,
    ) -> None:
        """Call `url` once `task` is done, and again after growing pauses until the answer is 2xx.

        `body` returns what to send at that time, `sign` the headers for its bytes.
        """

        def call() -> None:
            content = json.dumps(body()).encode()
            heard = 200 <= self.emulator.post(url, content, sign(content)) < 300
            if not heard and tries < most:
                self.call_webhook(task, url, sign, body, tries=tries + 1, most=most)

        self.emulator.later(task.seconds * tries, call)

    def task(self, task_id: str, *, account: str) -> Task:
        """A task that this account made. Raises `RefusedCall` (404) for any other."""
        task = self.emulator.tasks.get(task_id)
        if task is None or (task.provider, task.account) != (self.name, account):
            raise RefusedCall(404, "Task not found")
        return task

    def links(self, task: Task) -> list[str]:
        """The links to the images of a task; a `.png` may contain a JPEG."""
        folder = f"{self.emulator.root}/{self.name}/files/{task.id}"
        return [f"{folder}/{n}.png" for n in range(1, task.delivered + 1)]

    def image(self, call: Call) -> Reply:
        task = self.emulator.tasks.get(call.parts["task"])
        if task is None or not 1 <= int(call.parts["n"]) <= task.delivered:
            return Reply(404, b"", "text/plain")
        width, height = task.size
        if self.emulator.small:
            width, height = width // 8, height // 8
        content = images.jpeg((width, height), f"{task.id}/{call.parts['n']}")
        return Reply(200, content, "image/jpeg")


IMAGE = Route("image", "GET", r"/files/(?P<task>[\w-]+)/(?P<n>\d+)\.png", Chapter.image)
