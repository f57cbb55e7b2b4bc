"""Seedance.it as its guide describes it: images in the answer to the same call.

From "Seedream v4.5 API: Integrate AI Images into Your App" (seedance.it.com, autumn 2026), the only
page there is. If it leaves something open, the chapter is strict: it refuses unknown fields, and
sides longer than the longest in the guide. It documents no status, balance, cancel or webhook.
"""

import secrets
from typing import Any

from tests.emulator.chapter import Call, Chapter, RefusedCall, Reply, Route, Task, fingerprint

# Credits for one image, for the models that make images from text.
MODELS = {"seedream-v4-5": 8, "seedream-v3": 6, "seedream-5-lite": 7}
START_CREDITS = 1050
# "Up to 4 megapixels": two such sides make exactly that.
LONGEST_SIDE = 2048
DEFAULT_SIDE = 1024
SEEDS = 2**31

# "Code | Meaning" of the page. Only 402 has a documented code in its body.
MEANINGS = {
    400: ("invalid_request", "Invalid request"),
    401: ("authentication_failed", "Authentication failed"),
    429: ("rate_limited", "Rate limited"),
    500: ("server_error", "Server error"),
}


class SeedanceChapter(Chapter):
    name = "seedance"
    prefix = ""

    def error(self, status: int, message: str = "") -> Reply:
        if status == 402:
            return _insufficient(required=8, available=3)
        code, meaning = MEANINGS.get(status, ("error", "Error"))
        return Reply(status, {"error": {"code": code, "message": message or meaning}})

    def submit(self, call: Call) -> Reply:
        account = self._account(call)
        order = _checked_order(call)
        wanted, price = order.get("num_images", 1), MODELS[order["model"]]
        left = self._credits_of(account)
        if left < wanted * price:
            return _insufficient(required=wanted * price, available=left)
        size = order.get("width", DEFAULT_SIDE), order.get("height", DEFAULT_SIDE)
        task = self.accept(call, account=account, wanted=wanted, size=size)
        # The answer comes when all images are made.
        task.seconds = 0
        task.facts["credits_used"] = task.delivered * price
        if task.fail:
            # "prompts that violate them will return errors"; the guide names neither status nor
            # code.
            return Reply(400, {"error": {"code": task.fail, "message": task.message}})
        return Reply(200, self._made(task, order))

    def _account(self, call: Call) -> str:
        scheme, _, key = call.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self.emulator.is_key(self.name, key):
            raise RefusedCall(401)
        call.log.account = fingerprint(key)
        return call.log.account

    def _credits_of(self, account: str) -> int:
        tasks = self.emulator.tasks_of(account)
        return START_CREDITS - sum(task.facts.get("credits_used", 0) for task in tasks)

    def _made(self, task: Task, order: dict[str, Any]) -> dict[str, Any]:
        first = order.get("seed", secrets.randbelow(SEEDS))
        width, height = task.size
        return {
            "id": f"gen_{task.id.removeprefix('task_')}",
            "model": order["model"],
            "created": int(task.created),
            "images": [
                {"url": url, "width": width, "height": height, "seed": (first + n) % SEEDS}
                for n, url in enumerate(self.links(task))
            ],
            "credits_used": task.facts["credits_used"],
            "credits_remaining": self._credits_of(task.account),
        }

    routes = (Route("submit", "POST", "/v1/images/generate", submit),)


def _insufficient(*, required: int, available: int) -> Reply:
    error = {
        "code": "insufficient_credits",
        "message": "Your account has insufficient credits for this request",
        "credits_required": required,
        "credits_available": available,
    }
    return Reply(402, {"error": error})


def _checked_order(call: Call) -> dict[str, Any]:
    if call.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise RefusedCall(400, "Content-Type must be application/json")
    order = call.log.body
    _check(isinstance(order, dict), "The body must be a JSON object")
    _check(order.get("model") in list(MODELS), "model is required, and must make images from text")
    prompt = order.get("prompt")
    _check(isinstance(prompt, str) and bool(prompt.strip()), "prompt is required")
    _check_options(order)
    _check_size(order.get("width", DEFAULT_SIDE), order.get("height", DEFAULT_SIDE))
    return dict(order)


def _check_options(order: dict[str, Any]) -> None:
    known = {"model", "prompt", "width", "height"}
    known |= {"num_images", "guidance_scale", "seed", "negative_prompt"}
    if unknown := order.keys() - known:
        raise RefusedCall(400, f"Unknown field: {', '.join(sorted(unknown))}")
    count, seed = order.get("num_images", 1), order.get("seed", 0)
    _check(type(count) is int and 1 <= count <= 6, "num_images: 1-6")
    _check(type(seed) is int and 0 <= seed < SEEDS, "seed must be an integer")
    guidance = order.get("guidance_scale", 7.5)
    _check(type(guidance) in (int, float) and guidance > 0, "guidance_scale must be a float")
    _check(isinstance(order.get("negative_prompt", ""), str), "negative_prompt must be a string")


def _check_size(width: object, height: object) -> None:
    good = all(type(side) is int and 1 <= side <= LONGEST_SIDE for side in (width, height))
    _check(good, "width and height are integers, for up to 4 megapixels")


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise RefusedCall(400, message)
