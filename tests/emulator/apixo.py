"""APIXO as its pages describe it: seedream-4-5 by task and poll or callback.

From the model page for seedream-4-5 and "System APIs" (apixo.ai/docs, autumn 2026). If the pages
leave something open, the chapter is strict: it refuses unknown fields.
"""

import json
from decimal import Decimal
from typing import Any

from tests.emulator.chapter import Call, Chapter, RefusedCall, Reply, Route, Task, fingerprint

PRICE = Decimal("0.035")
START_BALANCE = Decimal(100)
CALLBACK_TRIES = 4

SIZES = {
    "1:1": {"2K": (2048, 2048), "4K": (4096, 4096)},
    "2:3": {"2K": (1664, 2496), "4K": (3328, 4992)},
    "3:2": {"2K": (2496, 1664), "4K": (4992, 3328)},
    "3:4": {"2K": (1728, 2304), "4K": (3520, 4704)},
    "4:3": {"2K": (2304, 1728), "4K": (4704, 3520)},
    "9:16": {"2K": (1600, 2848), "4K": (3040, 5504)},
    "16:9": {"2K": (2848, 1600), "4K": (5504, 3040)},
    "21:9": {"2K": (3136, 1344), "4K": (6240, 2656)},
}
# Without an aspect ratio the model chooses the size; this one is in no table.
FREE_SIZE = {"2K": (1760, 2368), "4K": (3520, 4736)}

MEANINGS = {
    400: "Invalid request body, mode, parameter type, parameter value, or prompt length",
    401: "Missing or invalid API key",
    402: "Insufficient balance or quota",
    403: "Key or route cannot access the model, or content is blocked before task creation",
    404: "Model route or task ID was not found",
    429: "Rate limit or concurrency limit reached",
    500: "Server error or streaming finalization error",
    502: "Upstream provider error",
    503: "Service unavailable",
    504: "Upstream timeout",
}


class ApixoChapter(Chapter):
    name = "apixo"
    prefix = "/api/v1"

    def error(self, status: int, message: str = "") -> Reply:
        text = message or MEANINGS.get(status, "Error")
        return Reply(status, {"code": status, "message": text, "data": None})

    def submit(self, call: Call) -> Reply:
        account = self._account(call)
        order = _checked_order(call)
        fields = order["input"]
        if self._balance_of(account) < fields["max_images"] * PRICE:
            raise RefusedCall(402)
        resolution = fields.get("resolution", "2K")
        sizes = SIZES.get(fields.get("aspect_ratio", ""), FREE_SIZE)
        task = self.accept(
            call, account=account, wanted=fields["max_images"], size=sizes[resolution]
        )
        if self.emulator.fetch_references:
            task.held = True
            urls = fields.get("image_urls", [])
            self.emulator.later(0, lambda: self._fetch_references(task, urls))
        if order.get("request_type") == "callback":
            self.call_webhook(
                task,
                order["callback_url"],
                lambda _content: {},
                lambda: self._told(task),
                most=CALLBACK_TRIES,
            )
        return _ok({"taskId": task.id})

    def status(self, call: Call) -> Reply:
        account = self._account(call)
        if not call.query.get("taskId"):
            raise RefusedCall(400, "taskId is required")
        return _ok(self._state(self.task(call.query["taskId"], account=account)))

    def balance(self, call: Call) -> Reply:
        return _ok(float(self._balance_of(self._account(call))))

    def _account(self, call: Call) -> str:
        scheme, _, key = call.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self.emulator.is_key(self.name, key):
            raise RefusedCall(401)
        call.log.account = fingerprint(key)
        return call.log.account

    def _balance_of(self, account: str) -> Decimal:
        """What is left: images are charged in advance, and given back if they do not arrive."""
        tasks = self.emulator.tasks_of(account)
        charged = sum(task.delivered if task.done else task.wanted for task in tasks)
        return START_BALANCE - charged * PRICE

    def _state(self, task: Task) -> dict[str, Any]:
        facts: dict[str, Any] = {"taskId": task.id, "createTime": _milliseconds(task.created)}
        if not task.done:
            return facts | {"state": "processing" if task.begun else "pending"}
        facts["completeTime"] = _milliseconds(task.ended)
        if task.fail:
            return facts | {"state": "failed", "failCode": task.fail, "failMsg": task.message}
        return facts | {
            "state": "success",
            "resultJson": json.dumps({"resultUrls": self.links(task)}),
            "costTime": _milliseconds(task.seconds),
        }

    def _fetch_references(self, task: Task, urls: list[str]) -> None:
        for url in urls:
            try:
                content = self.emulator.fetch(url)
            except OSError:
                task.fail, task.message = "Validation error", "A reference could not be fetched"
            else:
                if not content.startswith((b"\xff\xd8", b"\x89PNG", b"RIFF")):
                    task.fail, task.message = "ImageFormatIncorrect", "Not JPEG, PNG or WebP"
        task.delivered = 0 if task.fail else task.delivered
        task.held = False

    def _told(self, task: Task) -> dict[str, Any]:
        state = self._state(task)
        failed = {"code": 500, "message": "failed", "data": state}
        return failed if task.fail else {"code": 200, "message": "success", "data": state}

    routes = (
        Route("submit", "POST", "/generateTask/seedream-4-5", submit),
        Route("status", "GET", "/statusTask/seedream-4-5", status),
        Route("balance", "GET", "/apikeys/current-balance", balance),
    )


def _ok(data: Any) -> Reply:
    return Reply(200, {"code": 200, "message": "success", "data": data})


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _checked_order(call: Call) -> dict[str, Any]:
    if call.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise RefusedCall(400, "Content-Type must be application/json")
    order = call.log.body
    _check(isinstance(order, dict), "The body must be a JSON object")
    _only(order, {"request_type", "callback_url", "input"})
    kind = order.get("request_type", "async")
    _check(kind in ("async", "callback"), "request_type must be async or callback")
    _check(kind == "async" or _is_callback_url(order.get("callback_url")), "callback_url is wrong")
    _check(kind == "callback" or "callback_url" not in order, "callback_url without callback")
    _check(isinstance(order.get("input"), dict), "input is required")
    _check_input(order["input"])
    return dict(order)


def _check_input(fields: dict[str, Any]) -> None:
    _only(
        fields,
        {
            "mode",
            "prompt",
            "max_images",
            "image_urls",
            "resolution",
            "aspect_ratio",
            "sequential_image_generation",
        },
    )
    mode, prompt, count = (fields.get(name) for name in ("mode", "prompt", "max_images"))
    _check(mode in ("text-to-image", "image-to-image"), "mode is required")
    _check(isinstance(prompt, str) and 1 <= len(prompt) <= 5000, "prompt: 1-5000 characters")
    _check(type(count) is int and 1 <= count <= 10, "max_images is required, 1-10")
    _check(fields.get("resolution", "2K") in ("2K", "4K"), "resolution must be 2K or 4K")
    _check(fields.get("aspect_ratio", "1:1") in SIZES, "aspect_ratio is unknown")
    sequence = fields.get("sequential_image_generation", "disabled")
    _check(sequence in ("disabled", "auto"), "sequential_image_generation is wrong")
    _check_references(mode, fields)


def _check_references(mode: object, fields: dict[str, Any]) -> None:
    if mode == "text-to-image":
        _check("image_urls" not in fields, "image_urls is for image-to-image")
        return
    urls = fields.get("image_urls", [])
    _check(isinstance(urls, list) and 1 <= len(urls) <= 14, "image_urls: 1-14 URLs")
    good = all(isinstance(url, str) and url.startswith(("https://", "http://")) for url in urls)
    _check(good, "image_urls must be public, direct URLs")


def _is_callback_url(url: object) -> bool:
    # The page requires public https. This machine is allowed too, or no callback could be tested.
    return isinstance(url, str) and url.startswith(("https://", "http://127.0.0.1:"))


def _only(fields: dict[str, Any], known: set[str]) -> None:
    if unknown := fields.keys() - known:
        raise RefusedCall(400, f"Unknown field: {', '.join(sorted(unknown))}")


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise RefusedCall(400, message)
