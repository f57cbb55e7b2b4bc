"""fal's queue as its pages describe it: Seedream 4.5 by submit, status, result and cancel.

From the model page "Bytedance Seedream V4.5", the pages "Queue", "Cancel a request" and "Webhooks"
and both error pages (fal.ai/docs, autumn 2026). If the pages leave something open, the chapter is
strict: it refuses unknown fields, and does so at once, although the real queue may leave that to
the model. `sync_mode` is not supported.
"""

import hashlib
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.emulator.chapter import Call, Chapter, RefusedCall, Reply, Route, Task, fingerprint

if TYPE_CHECKING:
    from tests.emulator.server import Emulator

APP = "/fal-ai/bytedance"
REQUEST = APP + r"/requests/(?P<id>[^/]+)"
USER_ID = "emulator-user"
# "10 retries over two hours".
WEBHOOK_TRIES = 11
MOST_REFERENCES = 10
MOST_IMAGES = 15
FIELDS = {"prompt", "image_size", "num_images", "max_images", "seed", "enable_safety_checker"}
# The pages do not give the pixels of named sizes.
NAMED_SIZES = {
    "square_hd": (2048, 2048),
    "square": (1920, 1920),
    "portrait_4_3": (1920, 2560),
    "portrait_16_9": (1920, 3413),
    "landscape_4_3": (2560, 1920),
    "landscape_16_9": (3413, 1920),
    "auto_2K": (2048, 2048),
    "auto_4K": (4096, 4096),
}

# "Request Error Types": the status names the error. The number is the HTTP status of the result.
REQUEST_ERRORS = {
    "request_timeout": 504,
    "startup_timeout": 504,
    "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503,
    "runner_disconnected": 503,
    "runner_connection_refused": 503,
    "runner_connection_error": 503,
    "runner_incomplete_response": 502,
    "runner_server_error": 500,
    "internal_error": 500,
    "client_disconnected": 499,
    "client_cancelled": 499,
    "bad_request": 400,
}
# "Model Errors": only the result names the error.
MODEL_ERRORS = {
    "internal_server_error": 500,
    "generation_timeout": 504,
    "downstream_service_error": 400,
    "downstream_service_unavailable": 500,
    "content_policy_violation": 422,
    "no_media_generated": 422,
    "image_too_small": 422,
    "image_too_large": 422,
    "image_load_error": 422,
    "file_download_error": 422,
    "file_too_large": 422,
    "unsupported_image_format": 422,
    "feature_not_supported": 422,
    "greater_than": 422,
    "greater_than_equal": 422,
    "less_than": 422,
    "less_than_equal": 422,
    "multiple_of": 422,
    "sequence_too_short": 422,
    "sequence_too_long": 422,
    "one_of": 422,
}
# The error type for an HTTP status alone.
TYPES = {
    400: "bad_request",
    429: "concurrent_requests_limit",
    500: "internal_error",
    502: "runner_incomplete_response",
    503: "runner_scheduling_failure",
    504: "request_timeout",
}


class FalChapter(Chapter):
    name = "fal"
    prefix = ""

    def __init__(self, emulator: "Emulator") -> None:
        super().__init__(emulator)
        self.rotate_key()

    # Webhook keys

    @property
    def options(self) -> dict[str, str]:
        return {"jwks_url": self.jwks_url}

    @property
    def jwks_url(self) -> str:
        """Where the public keys are; reading them needs no key, and refuses one."""
        return f"{self.base_url}/.well-known/jwks.json"

    def rotate_key(self) -> None:
        """Sign webhooks with a new key from now on, and publish it in place of the old one."""
        self.signing_key = Ed25519PrivateKey.generate()

    def jwks(self, call: Call) -> Reply:
        if "Authorization" in call.headers:
            raise RefusedCall(400, "The key set is public")
        other = Ed25519PrivateKey.generate()
        keys = [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, _jwk(other), _jwk(self.signing_key)]
        return Reply(200, {"keys": keys})

    # The queue

    def error(self, status: int, message: str = "") -> Reply:
        if status == 422:
            return _model_error(status, "value_error", message, None)
        body = {"detail": message or f"Error {status}"}
        return _request_error(status, body["detail"]) if status in TYPES else Reply(status, body)

    def submit(self, call: Call) -> Reply:
        account = self._account(call)
        _only(call.query, {"fal_webhook"}, place="query")
        order = _checked_order(call, edits=call.parts["mode"] == "edit")
        wanted = order.get("num_images", 1) * order.get("max_images", 1)
        task = self.accept(call, account=account, wanted=wanted, size=_size(order))
        # "If over 10 images are sent, only the last 10 will be used."
        task.facts |= {"order": order, "used": order.get("image_urls", [])[-MOST_REFERENCES:]}
        task.facts["seed"] = order.get("seed", 42)
        task.facts["edits"] = call.parts["mode"] == "edit"
        if self.emulator.fetch_references:
            task.held = True
            self.emulator.later(0, lambda: self._fetch_references(task))
        if url := call.query.get("fal_webhook"):
            self.call_webhook(
                task,
                url,
                lambda content: self.signature(task.id, content),
                lambda: self._told(task),
                most=WEBHOOK_TRIES,
            )
        waiting = {"status": "IN_QUEUE", "queue_position": self._ahead_of(task)}
        return self._answer(task, 200, self._names(task) | waiting)

    def status(self, call: Call) -> Reply:
        _only(call.query, {"logs"}, place="query")
        task = self._task(call)
        if task.done:
            return self._answer(task, 200, self._names(task) | self._end(task))
        if task.begun:
            return self._answer(task, 202, self._names(task) | {"status": "IN_PROGRESS"})
        waiting = {"status": "IN_QUEUE", "queue_position": self._ahead_of(task)}
        return self._answer(task, 202, self._names(task) | waiting)

    def result(self, call: Call) -> Reply:
        """ "The status code, headers, and body that the model returned"."""
        task = self._task(call)
        if not task.done:
            return Reply(400, {"detail": "Request is still in progress"})
        return self._answered(task)

    def cancel(self, call: Call) -> Reply:
        """Remove a queued request (OK) or notify one in progress; here both end as cancelled."""
        try:
            task = self._task(call)
        except RefusedCall as refused:
            if refused.status != 404:
                raise
            return Reply(404, {"status": "NOT_FOUND"})
        if task.done:
            return Reply(400, {"status": "ALREADY_COMPLETED"})
        waiting = not task.begun
        task.cancelled, task.fail, task.message = True, "client_cancelled", "Request was cancelled"
        task.seconds, task.delivered, task.held = 0, 0, False
        return Reply(202, {"status": "OK" if waiting else "CANCELLATION_REQUESTED"})

    def signature(
        self, request_id: str, content: bytes, *, at: float | None = None
    ) -> dict[str, str]:
        """The headers of a webhook about `request_id` with this body, sent `at` (default: now)."""
        timestamp = str(int(time.time() if at is None else at))
        digest = hashlib.sha256(content).hexdigest()
        message = "\n".join((request_id, USER_ID, timestamp, digest)).encode()
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER_ID,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": self.signing_key.sign(message).hex(),
        }

    def _account(self, call: Call) -> str:
        scheme, _, key = call.headers.get("Authorization", "").partition(" ")
        if scheme != "Key" or not self.emulator.is_key(self.name, key):
            raise RefusedCall(401, "No user found for Key ID and Secret")
        call.log.account = fingerprint(key)
        return call.log.account

    def _task(self, call: Call) -> Task:
        return self.task(call.parts["id"], account=self._account(call))

    def _names(self, task: Task) -> dict[str, Any]:
        url = f"{self.base_url}{APP}/requests/{task.id}"
        return {
            "request_id": task.id,
            "response_url": url,
            "status_url": f"{url}/status",
            "cancel_url": f"{url}/cancel",
        }

    def _ahead_of(self, task: Task) -> int:
        """ "Number of requests ahead of yours"."""
        others = self.emulator.tasks_of(task.account)
        return sum(each.created < task.created and not each.begun for each in others)

    def _end(self, task: Task) -> dict[str, Any]:
        ended = {"status": "COMPLETED", "metrics": {"inference_time": float(task.seconds)}}
        if task.fail in REQUEST_ERRORS:
            return ended | {"error": task.message or "It failed", "error_type": task.fail}
        return ended

    def _answered(self, task: Task) -> Reply:
        if task.fail in REQUEST_ERRORS:
            status = REQUEST_ERRORS[task.fail]
            return _request_error(status, task.message, error_type=task.fail)
        if task.fail:
            status = MODEL_ERRORS.get(task.fail, 500)
            return _model_error(status, task.fail, task.message, task.facts["order"]["prompt"])
        return self._answer(task, 200, self._images(task))

    def _images(self, task: Task) -> dict[str, Any]:
        width, height = task.size
        images = [
            {
                "url": link,
                "content_type": "image/png",
                "file_name": link.rpartition("/")[2],
                "file_size": None,
                "width": width,
                "height": height,
            }
            for link in self.links(task)
        ]
        # On the page the output of "Edit" has no seed.
        return {"images": images} | ({} if task.facts["edits"] else {"seed": task.facts["seed"]})

    def _answer(self, task: Task, status: int, body: dict[str, Any]) -> Reply:
        return Reply(status, body, headers={"x-fal-request-id": task.id})

    def _told(self, task: Task) -> dict[str, Any]:
        names = {"request_id": task.id, "gateway_request_id": f"gateway-{task.id}"}
        answered = self._answered(task)
        if task.fail:
            error = {"error": f"Unexpected status code: {answered.status}"}
            return names | {"status": "ERROR", "payload": answered.body} | error
        return names | {"status": "OK", "payload": answered.body}

    def _fetch_references(self, task: Task) -> None:
        for url in task.facts["used"]:
            try:
                content = self.emulator.fetch(url)
            except OSError:
                task.fail, task.message = "file_download_error", "Failed to download the file"
            else:
                if not content.startswith((b"\xff\xd8", b"\x89PNG", b"RIFF")):
                    task.fail, task.message = "image_load_error", "Failed to load the image"
        task.delivered = 0 if task.fail else task.delivered
        task.held = False

    routes = (
        Route("submit", "POST", APP + r"/seedream/v4\.5/(?P<mode>text-to-image|edit)", submit),
        Route("status", "GET", REQUEST + "/status", status),
        Route("result", "GET", REQUEST, result),
        Route("cancel", "PUT", REQUEST + "/cancel", cancel),
        Route("jwks", "GET", r"/\.well-known/jwks\.json", jwks),
    )


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = urlsafe_b64encode(key.public_key().public_bytes_raw()).decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": raw.rstrip("=")}


def _model_error(status: int, error_type: str, message: str, echo: object) -> Reply:
    """A model's error; `msg` and `input` may repeat what was sent, including the prompt."""
    error = {
        "loc": ["body", "prompt"],
        "msg": f"{message or error_type}: {echo}",
        "type": error_type,
        "url": f"https://docs.fal.ai/errors/#{error_type}",
        "ctx": {},
        "input": echo,
    }
    retryable = {"X-Fal-Retryable": "true" if status >= 500 else "false"}
    return Reply(status, {"detail": [error]}, headers=retryable)


def _request_error(status: int, message: str, *, error_type: str = "") -> Reply:
    error_type = error_type or TYPES[status]
    body = {"detail": message or "The request failed", "error_type": error_type}
    return Reply(status, body, headers={"X-Fal-Error-Type": error_type})


def _checked_order(call: Call, *, edits: bool) -> dict[str, Any]:
    if call.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise RefusedCall(422, "Content-Type must be application/json")
    order = call.log.body
    _check(isinstance(order, dict), "The body must be the input itself")
    _only(order, FIELDS | {"image_urls"} if edits else FIELDS, place="body")
    prompt = order.get("prompt")
    _check(isinstance(prompt, str) and prompt != "", "prompt is required")
    for name in ("num_images", "max_images"):
        count = order.get(name, 1)
        _check(type(count) is int and 1 <= count <= 6, f"{name}: 1 to 6")
    _check(type(order.get("seed", 0)) is int, "seed must be an integer")
    _check(type(order.get("enable_safety_checker", True)) is bool, "enable_safety_checker")
    _check_size(order.get("image_size", "auto_2K"))
    if edits:
        _check_references(order)
    return dict(order)


def _check_size(size: object) -> None:
    """ "Width and height must be between 1920 and 4096, or total number of pixels […]"."""
    if isinstance(size, str):
        _check(size in NAMED_SIZES, "image_size is unknown")
        return
    _check(isinstance(size, dict) and size.keys() == {"width", "height"}, "image_size is wrong")
    width, height = size["width"], size["height"]
    _check(type(width) is int and type(height) is int, "image_size takes integers")
    sides = all(1920 <= side <= 4096 for side in (width, height))
    _check(sides or 2560 * 1440 <= width * height <= 4096 * 4096, "image_size is out of range")


def _check_references(order: dict[str, Any]) -> None:
    urls = order.get("image_urls")
    _check(isinstance(urls, list) and urls != [], "image_urls is required")
    good = all(isinstance(url, str) and url.startswith(("https://", "http://")) for url in urls)
    _check(good, "image_urls must be URLs")
    outputs = order.get("num_images", 1) * order.get("max_images", 1)
    images = min(len(urls), MOST_REFERENCES) + outputs
    _check(images <= MOST_IMAGES, "image inputs and outputs must not exceed 15")


def _size(order: dict[str, Any]) -> tuple[int, int]:
    size = order.get("image_size", {"width": 2048, "height": 2048})
    return NAMED_SIZES[size] if isinstance(size, str) else (size["width"], size["height"])


def _only(given: dict[str, Any], known: set[str], *, place: str) -> None:
    if unknown := given.keys() - known:
        raise RefusedCall(422, f"Unknown in the {place}: {', '.join(sorted(unknown))}")


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise RefusedCall(422, message)
