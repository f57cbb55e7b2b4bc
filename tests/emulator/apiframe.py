"""Apiframe v2 as its pages describe it: seedream-4.5 by job, and poll or webhook.

From the OpenAPI description and the pages "Image Generation", "Seedream 4.5", "Get Job",
"Webhooks", "Authentication" and "Get Account Info" (docs-v2.apiframe.ai, autumn 2026). The
description forbids unknown properties at both levels. If the pages leave something open, the
chapter is strict.
"""

import hashlib
import hmac
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.emulator.chapter import Call, Chapter, RefusedCall, Reply, Route, Task, fingerprint

if TYPE_CHECKING:
    from tests.emulator.server import Emulator

CREDITS_EACH = 4
START_CREDITS = 4500
JOBS_AT_ONCE = 10
KEY_LIFE_SECONDS = 24 * 3600

# The pages name tiers and ratios but no pixels, so these are the model's own.
SIZES = {
    "2K": {
        "1:1": (2048, 2048),
        "3:4": (1728, 2304),
        "4:3": (2304, 1728),
        "9:16": (1600, 2848),
        "16:9": (2848, 1600),
    },
    "4K": {
        "1:1": (4096, 4096),
        "3:4": (3520, 4704),
        "4:3": (4704, 3520),
        "9:16": (3040, 5504),
        "16:9": (5504, 3040),
    },
}
MATCHED = "match_input_image"
MATCHED_SIZE = {"2K": (2304, 1600), "4K": (4608, 3200)}

MEANINGS = {
    400: "Validation failed",
    401: "Invalid API key",
    402: "Insufficient credits",
    403: "API key is inactive",
    404: "Job not found",
    409: "Idempotency-Key was used with a different request body",
    429: "Rate limit exceeded",
    503: "Service temporarily unavailable",
}
# Default names of HTTP libraries, which Cloudflare, in front of the API, refuses.
BLOCKED_AGENTS = ("Python-urllib", "python-requests", "python-httpx", "Go-http-client")
BLOCK = Reply(403, b"error code: 1010", "text/plain; charset=UTF-8")

EVENTS = {"COMPLETED": "completed", "FAILED": "failed"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Problem = tuple[str, str]


class ApiframeChapter(Chapter):
    name = "apiframe"
    prefix = ""

    def __init__(self, emulator: "Emulator") -> None:
        super().__init__(emulator)
        self._taking = threading.Lock()
        # The job by account and idempotency key.
        self._jobs: dict[tuple[str, str], str] = {}

    def handle(self, route: Route, call: Call) -> Reply:
        agent = call.headers.get("User-Agent", "")
        if route.name != "image" and (not agent or agent.startswith(BLOCKED_AGENTS)):
            return BLOCK
        return super().handle(route, call)

    def error(self, status: int, message: str = "") -> Reply:
        body: dict[str, Any] = {"error": message or MEANINGS.get(status, "Error")}
        if status == 402:
            body |= {"creditsRequired": CREDITS_EACH, "creditsAvailable": 0}
        return Reply(status, body)

    def submit(self, call: Call) -> Reply:
        account = self._account(call)
        details: dict[str, list[str]] = {}
        for path, text in _problems(call):
            details.setdefault(path, []).append(text)
        if details:
            return Reply(400, {"error": MEANINGS[400], "details": details})
        with self._taking:
            task = self._known(call, account)
            if task is None:
                task = self._new(call, account)
                self._begin(task, call.log.body)
        call.log.task_id = task.id
        return Reply(202, {"jobId": task.id, "status": self._status(task)})

    def status(self, call: Call) -> Reply:
        account = self._account(call)
        job_id = unquote(call.parts["job"])
        if not UUID.fullmatch(job_id):
            raise RefusedCall(400, "id is not a valid UUID")
        return Reply(200, self._job(self.task(job_id, account=account)))

    def balance(self, call: Call) -> Reply:
        account = self._account(call)
        return Reply(
            200,
            {
                "user": {"id": str(uuid.uuid4()), "email": "a@studio.example", "role": "ADMIN"},
                "team": {
                    "id": str(uuid.uuid4()),
                    "name": "My Team",
                    "plan": "pro",
                    "credits": self._credits_of(account),
                    "maxConcurrentJobs": JOBS_AT_ONCE,
                    "customerId": None,
                },
                "apiKey": {"id": str(uuid.uuid4()), "name": "Production Key", "prefix": "afk_"},
            },
        )

    def _account(self, call: Call) -> str:
        key = call.headers.get("X-API-Key", "")
        if not key:
            raise RefusedCall(401, "API key is required")
        if not self.emulator.is_key(self.name, key):
            raise RefusedCall(401, "Invalid API key")
        call.log.account = fingerprint(key)
        return call.log.account

    def _known(self, call: Call, account: str) -> Task | None:
        """The job that this idempotency key made in the last 24 hours."""
        key = call.headers.get("Idempotency-Key", "")
        task = self.emulator.tasks.get(self._jobs.get((account, key), "")) if key else None
        if task is None or time.time() - task.created > KEY_LIFE_SECONDS:
            return None
        if task.facts["order"] != call.log.body:
            raise RefusedCall(409)
        return task

    def _new(self, call: Call, account: str) -> Task:
        if self._credits_of(account) < CREDITS_EACH:
            raise RefusedCall(402)
        params = call.log.body.get("seedreamParams", {})
        task = self.accept(call, account=account, wanted=1, size=_size(params))
        # Jobs have a UUID as their id here.
        del self.emulator.tasks[task.id]
        task.id = str(uuid.uuid4())
        task.facts = {"order": call.log.body, "key": call.headers["X-API-Key"]}
        self.emulator.tasks[task.id] = task
        if key := call.headers.get("Idempotency-Key"):
            self._jobs[account, key] = task.id
        return task

    def _begin(self, task: Task, order: dict[str, Any]) -> None:
        links = order.get("seedreamParams", {}).get("image_input", [])
        if self.emulator.fetch_references:
            task.held = True
            self.emulator.later(0, lambda: self._fetch_references(task, links))
        if "webhookUrl" in order:
            self.emulator.later(task.seconds, lambda: self._tell(task, order))

    def _fetch_references(self, task: Task, links: list[str]) -> None:
        for link in links:
            try:
                self.emulator.fetch(link)
            except OSError:
                task.fail, task.delivered = "Provider returned an error: image not reachable", 0
        task.held = False

    def _tell(self, task: Task, order: dict[str, Any]) -> None:
        """Call the webhook once the job has ended. No page says that a failed call is repeated."""
        if task.held:
            self.emulator.later(0.01, lambda: self._tell(task, order))
            return
        event = EVENTS.get(self._status(task), "")
        if event not in order.get("webhookEvents", EVENTS.values()):
            return
        content = json.dumps(self._news(task, event)).encode()
        secret = hashlib.sha256(task.facts["key"].encode()).digest()
        signature = hmac.new(secret, content, "sha256").hexdigest()
        headers = {"X-Webhook-Signature": f"sha256={signature}", "X-Webhook-Event": event}
        self.emulator.post(order["webhookUrl"], content, headers)

    def _news(self, task: Task, event: str) -> dict[str, Any]:
        job = self._job(task)
        names = ("status", "progress", "result", "error", "model", "creditCost", "completedAt")
        told = {name: job[name] for name in names if job[name] is not None}
        return {"event": event, "jobId": task.id} | told

    def _status(self, task: Task) -> str:
        if task.cancelled:
            return "CANCELLED"
        if not task.done:
            return "PROCESSING" if task.begun else "QUEUED"
        return "FAILED" if task.fail else "COMPLETED"

    def _job(self, task: Task) -> dict[str, Any]:
        status = self._status(task)
        ended = status not in ("QUEUED", "PROCESSING")
        completed = status == "COMPLETED"
        return {
            "id": task.id,
            "status": status,
            "model": "seedream-4.5",
            "progress": {"COMPLETED": 100, "PROCESSING": 65}.get(status, 0),
            "input": task.facts["order"],
            "result": {"images": self.links(task)} if completed else None,
            "error": task.fail if status == "FAILED" else None,
            "creditCost": CREDITS_EACH if completed or not ended else 0,
            "webhookStatus": None,
            "createdAt": _iso(task.created),
            "completedAt": _iso(task.ended) if ended else None,
            "expired": False,
        }

    def _credits_of(self, account: str) -> int:
        """The credits left: charged at once, given back for jobs that failed."""
        mine = self.emulator.tasks_of(account)
        charged = [task for task in mine if self._status(task) not in ("FAILED", "CANCELLED")]
        return START_CREDITS - CREDITS_EACH * len(charged)

    routes = (
        Route("submit", "POST", "/v2/images/generate", submit),
        Route("status", "GET", "/v2/jobs/(?P<job>[^/]+)", status),
        Route("balance", "GET", "/v2/me", balance),
    )


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _size(params: dict[str, Any]) -> tuple[int, int]:
    tier, ratio = params.get("size", "2K"), params.get("aspect_ratio", "1:1")
    if tier == "custom":
        return params["width"], params["height"]
    return MATCHED_SIZE[tier] if ratio == MATCHED else SIZES[tier][ratio]


def _problems(call: Call) -> Iterator[Problem]:
    """What is wrong with a request, by the path of the field."""
    order = call.log.body
    if call.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        yield "", "Content-Type must be application/json"
    if len(call.headers.get("Idempotency-Key", "")) > 255:
        yield "Idempotency-Key", "Too big: expected string to have <=255 characters"
    if not isinstance(order, dict):
        yield "", "Invalid input: expected object"
        return
    known = {"model", "prompt", "seedreamParams", "webhookUrl", "webhookEvents"}
    yield from _unknown("", order, known)
    prompt, params = order.get("prompt"), order.get("seedreamParams", {})
    if order.get("model") != "seedream-4.5":
        yield "model", "Invalid input"
    if not (isinstance(prompt, str) and 1 <= len(prompt) <= 2000):
        yield "prompt", "Expected string to have 1 to 2000 characters"
    if "webhookUrl" in order and not _is_uri(order["webhookUrl"]):
        yield "webhookUrl", "Invalid URL"
    yield from _event_problems(order)
    if not isinstance(params, dict):
        yield "seedreamParams", "Invalid input: expected object"
        return
    for path, text in (*_option_problems(params), *_size_problems(params)):
        yield f"seedreamParams.{path}".removesuffix("."), text


def _event_problems(order: dict[str, Any]) -> Iterator[Problem]:
    events = order.get("webhookEvents", ["completed"])
    if not (isinstance(events, list) and events and {*events} <= {"progress", *EVENTS.values()}):
        yield "webhookEvents", "Expected at least one of progress, completed, failed"
    if "webhookEvents" in order and "webhookUrl" not in order:
        yield "webhookEvents", "There is no webhookUrl"


def _option_problems(params: dict[str, Any]) -> Iterator[Problem]:
    yield from _unknown(
        "",
        params,
        {"image_input", "output_format", "guidance_scale", "use_pre_llm", "enhance_prompt", "seed"}
        | {"aspect_ratio", "size", "resolution", "width", "height"},
    )
    links = params.get("image_input", ["https://"])
    if not (isinstance(links, list) and 1 <= len(links) <= 14 and all(map(_is_uri, links))):
        yield "image_input", "Expected an array of 1 to 14 URLs"
    if params.get("output_format", "jpg") not in ("jpg", "png"):
        yield "output_format", "Expected one of jpg, png"
    guidance = params.get("guidance_scale", 3)
    if type(guidance) not in (int, float) or not 1 <= guidance <= 10 or guidance * 2 % 1:
        yield "guidance_scale", "Expected number from 1 to 10 in steps of 0.5"
    if type(params.get("seed", 1)) is not int:
        yield "seed", "Expected integer"
    for switch in ("use_pre_llm", "enhance_prompt"):
        if not isinstance(params.get(switch, False), bool):
            yield switch, "Expected boolean"


def _size_problems(params: dict[str, Any]) -> Iterator[Problem]:
    tier, ratio = params.get("size", "2K"), params.get("aspect_ratio", "1:1")
    if tier not in (*SIZES, "custom"):
        yield "size", "Expected one of 2K, 4K, custom"
    if ratio not in (*SIZES["2K"], MATCHED):
        yield "aspect_ratio", "Invalid aspect ratio"
    if ratio == MATCHED and "image_input" not in params:
        yield "aspect_ratio", "There is no input image to match"
    for side in ("width", "height"):
        if tier != "custom" and side in params:
            yield side, "Only used when size is custom"
        length = params.get(side)
        if tier == "custom" and not (type(length) is int and 1024 <= length <= 4096):
            yield side, "Expected integer from 1024 to 4096"
    if tier == "custom" and "aspect_ratio" in params:
        yield "aspect_ratio", "Custom sizes have no aspect ratio"


def _unknown(path: str, fields: dict[str, Any], known: set[str]) -> Iterator[Problem]:
    for name in sorted(fields.keys() - known):
        yield path, f'Unrecognized key: "{name}"'


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))
