"""Replicate as its pages describe it: bytedance/seedream-4.5 by prediction, poll and webhook.

From the model's page (version 9fe3b828), "HTTP API" with its OpenAPI description, "Prediction
lifecycle", "Error codes", "Rate limits", "Data retention" and "Verify webhooks" (replicate.com,
autumn 2026). If the pages leave something open, the chapter is strict: it refuses unknown fields,
and sizes below the model's minimum fail as they would behind the gateway.
"""

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from tests.emulator.chapter import Call, Chapter, RefusedCall, Reply, Route, Task, fingerprint

MODEL = "bytedance/seedream-4.5"
VERSION = "hidden"
RETENTION_SECONDS = 3600
LEAST_PIXELS = 3_686_400
WEBHOOK_EVENTS = {"start", "output", "logs", "completed"}

SIZES = {
    "1:1": {"2K": (2048, 2048), "4K": (4096, 4096)},
    "2:3": {"2K": (1664, 2496), "4K": (3328, 4992)},
    "3:2": {"2K": (2496, 1664), "4K": (4992, 3328)},
    "3:4": {"2K": (1728, 2304), "4K": (3520, 4704)},
    "4:3": {"2K": (2304, 1728), "4K": (4704, 3520)},
    "9:16": {"2K": (1600, 2848), "4K": (3040, 5504)},
    "16:9": {"2K": (2848, 1600), "4K": (5504, 3040)},
    "21:9": {"2K": (3136, 1344), "4K": (6240, 2656)},
    # Sizes that the input or the model decides, so they are in no table.
    "match_input_image": {"2K": (1760, 2368), "4K": (3520, 4736)},
}
INPUT_FIELDS = {
    "prompt",
    "image_input",
    "size",
    "aspect_ratio",
    "width",
    "height",
    "sequential_image_generation",
    "max_images",
    "disable_safety_checker",
}

DETAILS = {
    401: "You did not pass a valid authentication token",
    404: "The requested resource could not be found.",
    429: "Request was throttled. Your rate limit resets in ~30s.",
}
# The text of a failed prediction, by the code in it. Other codes stand alone or before a colon.
ERROR_TEXTS = {
    "E005": "The input or output was flagged as sensitive. Please try again. (E005)",
    "flagged as sensitive": "The input was flagged as sensitive.",
}
# Ends other than failures.
OTHER_ENDS = ("canceled", "aborted")


class ReplicateChapter(Chapter):
    name = "replicate"
    prefix = "/v1"

    def error(self, status: int, message: str = "") -> Reply:
        """RFC 7807; 429 has the bare body of "Rate limits", 422 names the fields that are wrong."""
        detail = message or DETAILS.get(status, "Something went wrong")
        if status == 429:
            return Reply(status, {"detail": detail})
        problem = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "instance": "/problems/1",
        }
        if status == 422:
            field, _colon, description = (message or "input: is wrong").partition(": ")
            wrong = {"type": "invalid", "field": field, "description": description}
            problem |= {"title": "Input validation failed", "invalid_fields": [wrong]}
        return Reply(status, problem, "application/problem+json")

    def submit(self, call: Call) -> Reply:
        account = self._account(call)
        order = _checked_order(call)
        fields = order["input"]
        auto = fields.get("sequential_image_generation") == "auto"
        task = self.accept(
            call,
            account=account,
            wanted=fields.get("max_images", 1) if auto else 1,
            size=_size(fields),
        )
        task.facts["input"] = fields
        if task.size[0] * task.size[1] < LEAST_PIXELS and not call.trouble.size:
            _fail(task, "The size is below the least of the model")
        if self.emulator.fetch_references:
            task.held = True
            self.emulator.later(0, lambda: self._fetch_references(task))
        if order.get("webhook"):
            self._promise_webhook(task, order["webhook"])
        return Reply(201 if task.done else 202, self._prediction(task))

    def status(self, call: Call) -> Reply:
        return Reply(200, self._prediction(self._task(call)))

    def cancel(self, call: Call) -> Reply:
        task = self._task(call)
        if not task.done:
            task.cancelled, task.held, task.delivered = True, False, 0
            task.seconds = max(0.0, time.time() - task.created)
        return Reply(200, self._prediction(task))

    def account(self, call: Call) -> Reply:
        name = self._account(call)
        return Reply(200, {"type": "organization", "username": name, "name": "Acme Corp, Inc."})

    def secret(self, call: Call) -> Reply:
        return Reply(200, {"key": signing_secret(self._account(call))})

    def _account(self, call: Call) -> str:
        scheme, _, key = call.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self.emulator.is_key(self.name, key):
            raise RefusedCall(401)
        call.log.account = fingerprint(key)
        return call.log.account

    def _task(self, call: Call) -> Task:
        return self.task(call.parts["id"], account=self._account(call))

    def _prediction(self, task: Task) -> dict[str, Any]:
        status = _status(task)
        own = f"{self.base_url}/predictions/{task.id}"
        removed = task.done and time.time() > task.ended + RETENTION_SECONDS
        prediction = {
            "id": task.id,
            "model": MODEL,
            "version": VERSION,
            "input": {} if removed else task.facts["input"],
            "logs": "",
            "output": self.links(task) if status == "succeeded" and not removed else None,
            "data_removed": removed,
            "error": _error_text(task) if status == "failed" else None,
            "status": status,
            "source": "api",
            "created_at": _moment(task.created),
            "urls": {"web": f"https://{task.id}", "get": own, "cancel": f"{own}/cancel"},
        }
        if not task.done:
            return prediction
        return prediction | {
            "started_at": _moment(task.created),
            "completed_at": _moment(task.ended),
            "metrics": {"predict_time": task.seconds, "total_time": task.seconds},
        }

    def _promise_webhook(self, task: Task, url: str) -> None:
        event_id = f"msg_{task.id}"

        def sign(content: bytes) -> dict[str, str]:
            timestamp = str(int(time.time()))
            key = base64.urlsafe_b64decode(signing_secret(task.account).partition("_")[2])
            signed = f"{event_id}.{timestamp}.".encode() + content
            digest = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
            return {
                "webhook-id": event_id,
                "webhook-timestamp": timestamp,
                "webhook-signature": f"v1,{digest}",
            }

        self.call_webhook(task, url, sign, lambda: self._prediction(task))

    def _fetch_references(self, task: Task) -> None:
        for url in task.facts["input"].get("image_input", []):
            try:
                content = self.emulator.fetch(url)
            except OSError:
                _fail(task, "image_input: the file could not be fetched")
            else:
                if not content.startswith((b"\xff\xd8", b"\x89PNG", b"RIFF")):
                    _fail(task, "image_input: not an image")
        task.held = False

    routes = (
        Route("submit", "POST", r"/models/bytedance/seedream-4\.5/predictions", submit),
        Route("status", "GET", r"/predictions/(?P<id>\w+)", status),
        Route("cancel", "POST", r"/predictions/(?P<id>\w+)/cancel", cancel),
        Route("account", "GET", "/account", account),
        Route("secret", "GET", "/webhooks/default/secret", secret),
    )


def signing_secret(account: str) -> str:
    """The secret of an account's webhooks; its base64 text contains underscores."""
    key = b"\xff\xff" + hashlib.sha256(account.encode()).digest()[:25]
    return f"whsec_{base64.urlsafe_b64encode(key).decode()}"


def _status(task: Task) -> str:
    if task.cancelled:
        return "canceled"
    if not task.done:
        return "processing" if task.begun else "starting"
    if task.fail in OTHER_ENDS:
        return task.fail
    return "failed" if task.fail else "succeeded"


def _error_text(task: Task) -> str:
    text = ERROR_TEXTS.get(task.fail, task.fail)
    return f"{text}: {task.message}" if task.message else text


def _fail(task: Task, message: str) -> None:
    task.fail, task.message, task.delivered = "Input validation error", message, 0


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _size(fields: dict[str, Any]) -> tuple[int, int]:
    size = fields.get("size", "2K")
    if size == "custom":
        return fields.get("width", 2048), fields.get("height", 2048)
    return SIZES[fields.get("aspect_ratio", "match_input_image")][size]


def _checked_order(call: Call) -> dict[str, Any]:
    if call.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise RefusedCall(400, "Content-Type must be application/json")
    order = call.log.body
    if not isinstance(order, dict):
        raise RefusedCall(400, "The body must be a JSON object")
    _only("", order, {"input", "webhook", "webhook_events_filter"})
    if "webhook" in order:
        _check("webhook", _is_link(order["webhook"]), "must be an HTTPS URL")
    if "webhook_events_filter" in order:
        events = order["webhook_events_filter"]
        known = isinstance(events, list) and set(events) <= WEBHOOK_EVENTS
        _check("webhook_events_filter", known, "unknown event")
    _check("input", isinstance(order.get("input"), dict), "is required")
    _check_input(order["input"])
    return order


def _check_input(fields: dict[str, Any]) -> None:
    _only("input.", fields, INPUT_FIELDS)
    prompt = fields.get("prompt")
    fits = isinstance(prompt, str) and 1 <= len(prompt) <= 4000
    _check("input.prompt", fits, "at most 4000 characters")
    _check_choice(fields, "size", ("2K", "4K", "custom"))
    _check_choice(fields, "aspect_ratio", tuple(SIZES))
    _check_choice(fields, "sequential_image_generation", ("disabled", "auto"))
    _check_choice(fields, "disable_safety_checker", (False, True))
    _check_number(fields, "width", 1024, 4096)
    _check_number(fields, "height", 1024, 4096)
    _check_number(fields, "max_images", 1, 15)
    _check_references(fields)


def _check_references(fields: dict[str, Any]) -> None:
    if "image_input" not in fields:
        return
    links = fields["image_input"]
    fits = isinstance(links, list) and len(links) <= 14 and all(_is_link(each) for each in links)
    _check("input.image_input", fits, "a list of 1-14 URLs")
    total = len(links) + fields.get("max_images", 1)
    _check("input.max_images", total <= 15, "input and generated images cannot exceed 15")


def _check_choice(fields: dict[str, Any], name: str, choices: tuple[object, ...]) -> None:
    # A field may be left out, but null is not a valid value.
    if name in fields:
        _check(f"input.{name}", fields[name] in choices, "must be one of those listed")


def _check_number(fields: dict[str, Any], name: str, least: int, most: int) -> None:
    if name in fields:
        fits = type(fields[name]) is int and least <= fields[name] <= most
        _check(f"input.{name}", fits, f"must be {least}-{most}")


def _is_link(url: object) -> bool:
    # This machine is allowed too, or no webhook and no reference could be tested.
    return isinstance(url, str) and url.startswith(("https://", "http://127.0.0.1:"))


def _only(prefix: str, fields: dict[str, Any], known: set[str]) -> None:
    for name in sorted(fields.keys() - known):
        raise RefusedCall(422, f"{prefix}{name}: additional property is not allowed")


def _check(field: str, condition: bool, message: str) -> None:
    if not condition:
        raise RefusedCall(422, f"{field}: {message}")
