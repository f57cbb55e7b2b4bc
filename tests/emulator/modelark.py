"""ModelArk as its pages describe it: Seedream in one call, sets also as a stream.

From "Image generation API" (docs.byteplus.com/en/docs/ModelArk/1541523), "Streaming responses",
"Error codes" (ModelArk/1299023) and published measurements (autumn 2026). If the pages leave
something open, the chapter is strict: it refuses unknown fields.
"""

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.emulator.chapter import Call, Chapter, RefusedCall, Reply, Route, Task, fingerprint

PATH = "/images/generations"


@dataclass(frozen=True)
class Model:
    """What the page's table says about one model, and the sizes that it chooses for a tier."""

    tiers: Mapping[str, tuple[int, int]]
    least: int
    most: int
    references: int = 14
    sets: bool = True
    formats: bool = False
    modes: tuple[str, ...] = ("standard",)


SHAPES = {
    "1K": (1248, 832),
    "1.5K": (1872, 1248),
    "2K": (1760, 2368),
    "3K": (2592, 3456),
    "4K": (3520, 4736),
}


def _tiers(*names: str) -> dict[str, tuple[int, int]]:
    return {name: SHAPES[name] for name in names}


LITE = Model(_tiers("2K", "3K", "4K"), 3_686_400, 16_777_216, formats=True)
MODELS = {
    "seedream-4-0-250828": Model(
        _tiers("1K", "2K", "4K"), 921_600, 16_777_216, modes=("standard", "fast")
    ),
    "seedream-4-5-251128": Model(_tiers("2K", "4K"), 3_686_400, 16_777_216),
    "seedream-5-0-260128": LITE,
    "seedream-5-0-lite-260128": LITE,
    "dola-seedream-5-0-pro-260628": Model(
        _tiers("1K", "1.5K", "2K"),
        921_600,
        4_624_220,
        references=10,
        sets=False,
        formats=True,
        modes=("standard", "fast"),
    ),
}
# Endpoints that somebody made in the console; a request may name one in place of its model.
ENDPOINTS = {"ep-20260101120000-lite5": "seedream-5-0-260128"}
FIELDS = {"model", "prompt", "image", "size", "response_format", "watermark"}
OPTIONAL = {
    "sequential_image_generation",
    "sequential_image_generation_options",
    "stream",
    "output_format",
    "optimize_prompt_options",
}

# If a status has several codes, the one of the simplest case. 503 has none: it is a gateway's.
CODES = {
    400: "InvalidParameter",
    401: "AuthenticationError",
    403: "AccessDenied",
    404: "InvalidEndpointOrModel.NotFound",
    429: "ModelAccountIpmRateLimitExceeded",
    500: "InternalServiceError",
}
MEANINGS = {
    "InvalidParameter": "One or more parameters specified in the request are not valid.",
    "MissingParameter": (
        "The request failed because it is missing one or multiple required parameters."
    ),
    "AuthenticationError": "The API key or AK/SK in the request is missing or invalid.",
    "AccessDenied": "You do not have access to the requested resource.",
    "InvalidEndpointOrModel.NotFound": "The model or endpoint does not exist.",
    "ModelAccountIpmRateLimitExceeded": "IPM limit of the model is exceeded.",
    "OutputImageSensitiveContentDetected": (
        "The request failed because the output image may contain sensitive information."
    ),
    "InternalServiceError": "The service encountered an unexpected internal error.",
}
# The statuses of codes with which a task may fail; all others are 400.
STATUSES = {
    "InternalServiceError": 500,
    "ServerOverloaded": 429,
    "SetLimitExceeded": 429,
    "QuotaExceeded": 429,
    "AccountOverdueError": 403,
    "ModelNotOpen": 404,
}


class RefusedOrder(RefusedCall):
    def __init__(self, code: str, message: str = "", param: str = "", status: int = 400) -> None:
        super().__init__(status, message)
        self.code = code
        self.param = param


class ModelArkChapter(Chapter):
    name = "modelark"
    prefix = "/api/v3"

    def handle(self, route: Route, call: Call) -> Reply:
        try:
            return route.handler(self, call)
        except RefusedOrder as no:
            return _refusal(no.status, no.code, no.message, no.param)
        except RefusedCall as no:
            return self.error(no.status, no.message)

    def error(self, status: int, message: str = "") -> Reply:
        if status not in CODES:
            return Reply(status, b"upstream connect error", "text/plain")
        return _refusal(status, CODES[status], message, "")

    def submit(self, call: Call) -> Reply:
        account = self._account(call)
        order = _checked_order(call)
        in_a_set = order.get("sequential_image_generation") == "auto"
        wanted = _most_images(order) if in_a_set else 1
        task = self.accept(call, account=account, wanted=wanted, size=_size(order))
        task.facts |= {"model": order["model"], "references": len(_references(order))}
        if task.fail and not in_a_set:
            raise RefusedOrder(task.fail, task.message, status=STATUSES.get(task.fail, 400))
        if order.get("stream"):
            return Reply(
                content_type="text/event-stream", headers=_headers(), pieces=self._events(task)
            )
        self.emulator.stopping.wait(self.emulator.seconds)
        return Reply(200, self._answer(task), headers=_headers())

    def _account(self, call: Call) -> str:
        scheme, _, key = call.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self.emulator.is_key(self.name, key):
            raise RefusedCall(401)
        call.log.account = fingerprint(key)
        return call.log.account

    def _items(self, task: Task) -> list[dict[str, Any]]:
        """Each image or its error. An internal error ends the set, a refusal does not."""
        width, height = task.size
        links = self.links(task)
        made: list[dict[str, Any]] = [{"url": url, "size": f"{width}x{height}"} for url in links]
        code = task.fail or "OutputImageSensitiveContentDetected"
        message = task.message or MEANINGS.get(code, "")
        missing = 1 if code == "InternalServiceError" else task.wanted - len(made)
        return made + [{"error": {"code": code, "message": message}} for _ in range(missing)]

    def _answer(self, task: Task) -> dict[str, Any]:
        items = self._items(task)
        return {
            "model": re.sub(r"-\d{6}$", "", task.facts["model"]),
            "created": int(task.created),
            "data": items,
            "usage": _usage(task),
        }

    def _events(self, task: Task) -> Iterator[bytes]:
        for index, item in enumerate(self._items(task)):
            if self.emulator.stopping.wait(self.emulator.seconds):
                return
            outcome = "partial_failed" if "error" in item else "partial_succeeded"
            yield _event(outcome, task, {"image_index": index, **item})
        yield _event("completed", task, {"usage": _usage(task)})
        yield b"data: [DONE]\n\n"

    routes = (Route("submit", "POST", PATH, submit),)


def _refusal(status: int, code: str, message: str, param: str) -> Reply:
    headers = _headers()
    text = f"{message or MEANINGS.get(code, code)} Request id: {headers['X-Request-Id']}"
    error = {"code": code, "message": text, "param": param, "type": "BadRequest"}
    return Reply(status, {"error": error}, headers=headers)


def _headers() -> dict[str, str]:
    return {"X-Request-Id": f"0217{secrets.token_hex(8)}"}


def _event(outcome: str, task: Task, facts: dict[str, Any]) -> bytes:
    kind = f"image_generation.{outcome}"
    body = {"type": kind, "model": task.facts["model"], "created": int(time.time())} | facts
    return f"event: {kind}\ndata: {json.dumps(body)}\n\n".encode()


def _usage(task: Task) -> dict[str, Any]:
    tokens = task.delivered * task.size[0] * task.size[1] // 256
    usage = {
        "generated_images": task.delivered,
        "output_tokens": tokens,
        "total_tokens": tokens,
    }
    if MODELS[task.facts["model"]].formats:
        usage["input_images"] = task.facts["references"]
    return usage


def _checked_order(call: Call) -> dict[str, Any]:
    order = call.log.body
    is_json = call.headers.get("Content-Type", "").partition(";")[0] == "application/json"
    _check(is_json and isinstance(order, dict), "", "The body must be a JSON object.")
    order = order | {"model": ENDPOINTS.get(order.get("model"), order.get("model"))}
    model = _model(order)
    for name in sorted(order.keys() - FIELDS - OPTIONAL):
        _check(False, name, f"The parameter `{name}` is not supported by the current model.")
    if not isinstance(order.get("prompt"), str) or not order["prompt"]:
        raise RefusedOrder("MissingParameter", param="prompt")
    _check(order.get("response_format", "url") == "url", "response_format", "Only url here.")
    _check(isinstance(order.get("watermark", True), bool), "watermark", "A boolean is needed.")
    _check_what_only_some_have(order, model)
    _check_references(order, model)
    _check_set(order)
    _size(order)
    return dict(order)


def _model(order: dict[str, Any]) -> Model:
    name = order.get("model")
    if not name:
        raise RefusedOrder("MissingParameter", param="model")
    if name not in MODELS:
        raise RefusedOrder("InvalidEndpointOrModel.NotFound", param="model", status=404)
    return MODELS[name]


def _check_what_only_some_have(order: dict[str, Any], model: Model) -> None:
    unsupported = set() if model.formats else {"output_format"}
    if not model.sets:
        unsupported |= {name for name in OPTIONAL if name.startswith("sequential")} | {"stream"}
    for name in sorted(order.keys() & unsupported):
        _check(False, name, f"The parameter `{name}` is not supported by the current model.")
    known = order.get("output_format", "jpeg") in ("jpeg", "png")
    _check(known, "output_format", "must be one of: jpeg, png")
    _check(isinstance(order.get("stream", False), bool), "stream", "A boolean is needed.")
    mode = order.get("optimize_prompt_options", {"mode": "standard"})
    good = isinstance(mode, dict) and mode.keys() == {"mode"} and mode["mode"] in model.modes
    _check(good, "optimize_prompt_options", f"mode must be one of: {', '.join(model.modes)}")


def _references(order: dict[str, Any]) -> list[Any]:
    given = order.get("image", [])
    return given if isinstance(given, list) else [given]


def _check_references(order: dict[str, Any], model: Model) -> None:
    references = _references(order)
    _check("image" not in order or references, "image", "The list is empty.")
    most = model.references
    message = f"number of reference images cannot exceed {most}"
    _check(len(references) <= most, "image", message)
    if not all(_is_image(each) for each in references):
        raise RefusedOrder("InvalidImageURL.InvalidFormat", param="image")


def _is_image(reference: object) -> bool:
    if not isinstance(reference, str):
        return False
    if reference.startswith(("https://", "http://")):
        return True
    found = re.fullmatch(r"data:image/(jpeg|png|webp|bmp|tiff|gif);base64,(.+)", reference)
    if not found:
        return False
    try:
        return bool(base64.b64decode(found[2], validate=True))
    except binascii.Error:
        return False


def _check_set(order: dict[str, Any]) -> None:
    name = "sequential_image_generation"
    kind = order.get(name, "disabled")
    _check(kind in ("auto", "disabled"), name, "must be one of: auto, disabled")
    options = order.get(f"{name}_options")
    if options is None:
        return
    _check(kind == "auto", f"{name}_options", "only with auto")
    good = isinstance(options, dict) and options.keys() <= {"max_images"}
    _check(good, f"{name}_options", "max_images is all there is")
    most = options.get("max_images", 15)
    _check(type(most) is int and 1 <= most <= 15, f"{name}_options", "max_images: 1-15")
    together = len(_references(order)) + most
    _check(together <= 15, f"{name}_options", "references and images together: at most 15")


def _most_images(order: dict[str, Any]) -> int:
    options = order.get("sequential_image_generation_options", {})
    most: int = options.get("max_images", 15 - len(_references(order)))
    return most


def _size(order: dict[str, Any]) -> tuple[int, int]:
    """A tier, for which the model chooses the shape, or pixels within the model's limits."""
    model, size = MODELS[order["model"]], order.get("size", "2048x2048")
    if size in model.tiers:
        return model.tiers[size]
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size) if isinstance(size, str) else None
    if not found:
        raise RefusedOrder("InvalidParameter", "size is neither a tier nor pixels", "size")
    width, height = int(found[1]), int(found[2])
    in_window = model.least <= width * height <= model.most
    _check(in_window, "size", f"image size must be {model.least} to {model.most} pixels.")
    longer, shorter = max(width, height), min(width, height)
    _check(longer <= 16 * shorter, "size", "the ratio must be 1/16 to 16")
    return width, height


def _check(condition: object, param: str, message: str) -> None:
    if not condition:
        raise RefusedOrder("InvalidParameter", message, param)
