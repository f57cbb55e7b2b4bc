"""APIPod as its pages describe it: Seedream 4.5 by task and poll, with an idempotency key.

From APIPod's page "Seedream v4.5 Text to Image" (www.apipod.ai/docs), and from its pages "Seedream
V4.5 Text to Image", "Seedream V4.5 Image to Image", "Query image task", "Endpoint conventions",
"Authentication", "Error codes", "Asynchronous tasks" and "Webhooks" (docs.apipod.ai); all of autumn
2026. If the two sites differ, some answers follow one site and some the other. If both leave
something open, the chapter is strict: it refuses unknown fields.
"""

import secrets
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.emulator.chapter import Call, Chapter, RefusedCall, Reply, Route, Task, fingerprint

if TYPE_CHECKING:
    from tests.emulator.server import Emulator

# No page names a price, or the pixels of a tier and a ratio, so these are the model's own.
PRICE = Decimal("0.04")
START_QUOTA = Decimal(100)
SIZES = {
    "1:1": {"2K": (2048, 2048), "4K": (4096, 4096)},
    "2:3": {"2K": (1664, 2496), "4K": (3328, 4992)},
    "3:2": {"2K": (2496, 1664), "4K": (4992, 3328)},
    "3:4": {"2K": (1728, 2304), "4K": (3520, 4704)},
    "4:3": {"2K": (2304, 1728), "4K": (4704, 3520)},
    "16:9": {"2K": (2848, 1600), "4K": (5504, 3040)},
    "9:16": {"2K": (1600, 2848), "4K": (3040, 5504)},
    "21:9": {"2K": (3136, 1344), "4K": (6240, 2656)},
}
TEXT_MODEL, EDIT_MODEL = "seedream-v4.5", "seedream-v4.5-edit"
MOST_REFERENCES = 14
MOST_REFERENCE_BYTES = 10_485_760
KEY_LENGTH = 255
KEY_LIFE_SECONDS = 7 * 24 * 3600
CALLBACK_TRIES = 5

# Machine code and meaning by status, as on "Error codes".
MEANINGS = {
    400: ("invalid_parameter", "Invalid aspect_ratio value"),
    401: ("invalid_api_key", "Authentication required. Please provide a valid API key or sign in."),
    402: ("insufficient_quota", "Insufficient quota"),
    403: ("", "Account, key, permission, or policy restriction"),
    404: ("model_not_available", "Model or task is unavailable to the caller"),
    409: ("idempotency_in_progress", "The first request with this key is still in progress"),
    429: ("rate_limit_exceeded", "Rate limit exceeded"),
    500: ("internal_error", "Internal error"),
    503: ("idempotency_unavailable", "Idempotency protection is unavailable"),
    504: ("", "Upstream timeout"),
}
# The statuses whose examples on the pages have the OpenAI envelope.
OPENAI_STYLE = (400, 401)


class CodedRefusal(RefusedCall):
    """A refusal with another machine code than is usual for its status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code


class ApipodChapter(Chapter):
    name = "apipod"
    prefix = ""

    def __init__(self, emulator: "Emulator") -> None:
        super().__init__(emulator)
        self._taking = threading.Lock()

    def handle(self, route: Route, call: Call) -> Reply:
        try:
            reply = route.handler(self, call)
        except CodedRefusal as refused:
            reply = _error(refused.status, refused.code, refused.message)
        except RefusedCall as refused:
            reply = self.error(refused.status, refused.message)
        return replace(reply, headers={"X-Request-ID": _request_id()} | dict(reply.headers))

    def error(self, status: int, message: str = "") -> Reply:
        code, meaning = MEANINGS.get(status, ("", "Error"))
        return _error(status, code, message or meaning)

    def submit(self, call: Call) -> Reply:
        account = self._account(call)
        key = _idempotency_key(call)
        with self._taking:
            if key and (task := self._known(account, key)):
                return _replay(task, call)
            order = _checked_order(call)
            task = self._new(call, account, order)
            task.facts = {"order": order, "key": key, "request_id": _request_id()}
        self._begin(task, order)
        headers = {"X-Request-Cost": str(PRICE), "X-Request-ID": task.facts["request_id"]}
        return replace(_accepted(task), headers=headers)

    def status(self, call: Call) -> Reply:
        task = self.task(unquote(call.parts["task"]), account=self._account(call))
        return Reply(200, {"code": 200, "message": "success", "data": _state(self, task)})

    def account(self, call: Call) -> Reply:
        """ "A lightweight credential and account probe"; no page shows its answer."""
        self._account(call)
        return Reply(200, {"code": 200, "message": "success", "data": {}})

    def _account(self, call: Call) -> str:
        scheme, _, key = call.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self.emulator.is_key(self.name, key):
            raise RefusedCall(401)
        call.log.account = fingerprint(key)
        return call.log.account

    def _tasks_of(self, account: str) -> list[Task]:
        return [task for task in self.emulator.tasks_of(account) if task.provider == self.name]

    def _known(self, account: str, key: str) -> Task | None:
        """The task that this key made in the last seven days."""
        earliest = time.time() - KEY_LIFE_SECONDS
        for task in self._tasks_of(account):
            if task.facts["key"] == key and task.created > earliest:
                return task
        return None

    def _new(self, call: Call, account: str, order: dict[str, Any]) -> Task:
        spent = sum((PRICE for task in self._tasks_of(account) if not task.fail), Decimal(0))
        if START_QUOTA - spent < PRICE:
            raise RefusedCall(402)
        size = SIZES[order.get("aspect_ratio", "1:1")][order.get("quality", "2K")]
        return self.accept(call, account=account, wanted=1, size=size)

    def _begin(self, task: Task, order: dict[str, Any]) -> None:
        if self.emulator.fetch_references:
            task.held = True
            urls = order.get("image_urls", [])
            self.emulator.later(0, lambda: self._fetch_references(task, urls))
        if order.get("callback_url"):
            self.call_webhook(
                task,
                order["callback_url"],
                lambda _content: {"User-Agent": "APIPod-Callback/1.0"},
                lambda: _told(self, task),
                most=CALLBACK_TRIES,
            )

    def _fetch_references(self, task: Task, urls: list[str]) -> None:
        for url in urls:
            try:
                content = self.emulator.fetch(url)
            except OSError:
                task.fail, task.message = "invalid_request", "A reference could not be fetched"
            else:
                if len(content) > MOST_REFERENCE_BYTES:
                    task.fail, task.message = "invalid_request", "A reference is above 10 MB"
        task.delivered = 0 if task.fail else task.delivered
        task.held = False

    routes = (
        Route("submit", "POST", "/v1/images/generations", submit),
        Route("status", "GET", r"/v1/images/status/(?P<task>[^/]+)", status),
        Route("account", "GET", "/v1/account/status", account),
    )


def _request_id() -> str:
    return f"req_{secrets.token_hex(8)}"


def _error(status: int, code: str, message: str) -> Reply:
    kind = "rate_limit_error" if status == 429 else "invalid_request_error"
    kind = "server_error" if status >= 500 else kind
    headers = {"Retry-After": "1"} if code == "idempotency_in_progress" else {}
    if status in OPENAI_STYLE:
        error = {"message": message, "type": kind, "code": code}
        return Reply(status, {"error": error}, headers=headers)
    data = {"type": kind} | ({"error_code": code} if code else {})
    return Reply(status, {"code": status, "message": message, "data": data}, headers=headers)


def _accepted(task: Task) -> Reply:
    # 0 on www.apipod.ai, 200 on docs.apipod.ai.
    return Reply(200, {"code": 0, "message": "success", "data": {"task_id": task.id}})


def _replay(task: Task, call: Call) -> Reply:
    if task.facts["order"] != call.log.body:
        message = "Idempotency-Key was used with a different request"
        raise CodedRefusal(409, "idempotency_conflict", message)
    call.log.task_id = task.id
    return replace(_accepted(task), headers={"X-Idempotent-Replay": "true"})


def _state(chapter: Chapter, task: Task) -> dict[str, Any]:
    facts: dict[str, Any] = {"task_id": task.id}
    if task.cancelled:
        return facts | {"status": "cancelled"}
    if not task.done:
        status, progress = ("processing", 40) if task.begun else ("pending", 0)
        return facts | {"status": status, "progress": progress}
    facts["completed_at"] = int(task.ended)
    if task.fail:
        return facts | {
            "status": "failed",
            "error_code": task.fail,
            "error_message": task.message,
        }
    return facts | {"status": "completed", "progress": 100, "result": chapter.links(task)}


def _told(chapter: Chapter, task: Task) -> dict[str, Any]:
    """The body of a callback: its own flat envelope, with the error under another name."""
    facts = {
        "task_id": task.id,
        "request_id": task.facts["request_id"],
        "created_at": _moment(task.created),
        "completed_at": _moment(task.ended),
    }
    if task.fail:
        return facts | {"status": "failed", "error": task.message, "error_code": task.fail}
    return facts | {"status": "completed", "result": chapter.links(task)}


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None).isoformat()}Z"


def _idempotency_key(call: Call) -> str:
    key: str = call.headers.get("Idempotency-Key", "")
    if len(key) > KEY_LENGTH:
        message = "The key is malformed or longer than 255 characters"
        raise CodedRefusal(400, "invalid_idempotency_key", message)
    return key


def _checked_order(call: Call) -> dict[str, Any]:
    if call.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise RefusedCall(400, "Content-Type must be application/json")
    order = call.log.body
    _check(isinstance(order, dict), "The body must be a JSON object")
    model = order.get("model")
    if model not in (TEXT_MODEL, EDIT_MODEL):
        raise RefusedCall(404)
    known = {"model", "prompt", "quality", "aspect_ratio", "callback_url"}
    unknown = order.keys() - (known | {"image_urls"} if model == EDIT_MODEL else known)
    _check(not unknown, f"Unknown field: {', '.join(sorted(unknown))}")
    prompt = order.get("prompt")
    _check(isinstance(prompt, str) and 1 <= len(prompt) <= 4000, "prompt: 1-4000 characters")
    _check(order.get("quality", "2K") in ("2K", "4K"), "Invalid quality value")
    _check(order.get("aspect_ratio", "1:1") in SIZES, "Invalid aspect_ratio value")
    _check(_is_callback_url(order.get("callback_url", "")), "Invalid callback_url value")
    if model == EDIT_MODEL:
        _check_references(order.get("image_urls"))
    return dict(order)


def _check_references(urls: object) -> None:
    most = MOST_REFERENCES
    _check(isinstance(urls, list) and 1 <= len(urls) <= most, f"image_urls: 1-{most} URLs")
    assert isinstance(urls, list)  # `_check` has refused anything else.
    good = all(isinstance(url, str) and url.startswith(("https://", "http://")) for url in urls)
    _check(good, "image_urls must be URLs")


def _is_callback_url(url: object) -> bool:
    # "Use HTTPS"; this machine too, or no callback could be tested. The default is empty.
    return isinstance(url, str) and (not url or url.startswith(("https://", "http://127.0.0.1:")))


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise RefusedCall(400, message)
