"""APIPod: Seedream 4.5 by task and poll, with an idempotency key and unsigned callbacks.

Facts, all read in autumn 2026: APIPod's page "Seedream v4.5 Text to Image"
(www.apipod.ai/docs/api-reference), and the pages "Seedream V4.5 Text to Image", "Seedream V4.5
Image to Image", "Query image task", "Endpoint conventions", "Authentication", "Error codes",
"Asynchronous tasks", "Webhooks" and "OpenAI-compatible images API" of docs.apipod.ai with their
OpenAPI descriptions.

Where they disagree:
- `code` of a success is 0 at www.apipod.ai and 200 at docs.apipod.ai: both are taken, and any other
  in a 200 answer is an error.
- Too low a balance is 403 on the first page, 402 `insufficient_quota` on "Error codes": a 403 that
  speaks of the balance is taken for that.
- A failed task has `error_message` on most pages and `error` in the older description of "Query
  image task", which also says that `code` and `message` tell more, and that `completed_at` is in
  milliseconds, beside an example in seconds.

Not offered: the OpenAI-style route, which takes a number of images and answers in the same call.
It holds a connection for up to 300 seconds, and its 504 leaves the outcome open while the task goes
on and is billed, with the task's id in a sentence only. `POST /v1/pricing/estimate` is named, and
neither its body nor its answer is described. There is no way to cancel, though a task may come to
be cancelled, and no number of images, seed, format or set of images: one task, one picture.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from generations.providers.answers import (
    Answer,
    Fault,
    after_seconds,
    linked_image,
    object_in,
    plain_code,
    required_text,
    short,
    text,
)
from generations.providers.base import digest_of, json_of
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderError,
    Refused,
    TaskCancelled,
    TaskFailed,
    Unavailable,
)
from generations.providers.http import HttpProvider
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.types import (
    Accepted,
    Capabilities,
    Engine,
    GenerationRequest,
    InProgress,
    Payload,
    PollSchedule,
    ReferenceDelivery,
    RemoteImage,
    Result,
    SuggestedPrice,
    TaskRef,
    WebhookCall,
    WebhookNews,
)

SUCCESS = (0, 200)
# The model for requests with references; without them it is the engine's own.
EDIT_MODEL = "seedream-v4.5-edit"
# "usually expires after 24 hours" (older description of "Query image task").
LINK_LIFE = timedelta(hours=24)
# Seconds since 1970 reach this in the year 5138: what is above counts milliseconds.
MOST_SECONDS = 100_000_000_000
TIERS = ("2K", "4K")

SEEDREAM_4_5 = Engine(
    name="apipod/seedream-4-5",
    label="Seedream 4.5",
    model="seedream-v4.5",
    capabilities=Capabilities(
        prompt_limit=4000,
        max_images=10,
        # All eight ratios of the table are on the page; pixels are not.
        sizes=SEEDREAM_4_5_SIZES,
        exact_sizes=False,
        max_references=14,
        reference_delivery=ReferenceDelivery.LINK,
        takes_idempotency_key=True,
        webhook=True,
        # "It is recommended to poll the task status every 2-3 seconds."
        polls=dict.fromkeys(TIERS, PollSchedule(first=3, interval=3)),
        # The middle of "usually takes 10-30 seconds".
        typical_seconds=dict.fromkeys(TIERS, 20),
        # 200 polls, 3 seconds apart (OpenAPI description of the text-to-image page). The 2 minutes
        # of the first page are about when to tell a person to be patient.
        deadline_seconds=600,
        link_life_seconds=LINK_LIFE.total_seconds(),
    ),
    # No page names a price: this is the official one of the model.
    prices=tuple(SuggestedPrice(tier=tier, credits=4, cost_usd=Decimal("0.04")) for tier in TIERS),
)

# "Common machine codes" of "Error codes", the one of its example of a task that failed, and the
# ones that only the first page and the OpenAI-style route show; in plain form. None is for
# moderation, and "Do not convert capacity or service failures into moderation errors": a code that
# is not here keeps its raw form and the class of its status, whatever its message says.
CODES_OF_PAGE = {
    "invalidapikey": Code.AUTH,
    "invalidrequest": Code.INVALID_REQUEST,
    "invalidparameter": Code.INVALID_REQUEST,
    "insufficientquota": Code.INSUFFICIENT_BALANCE,
    "ratelimitexceeded": Code.RATE_LIMITED,
    "modelnotavailable": Code.NOT_FOUND,
    "modelnotfound": Code.NOT_FOUND,
    "internalerror": Code.PROVIDER_ERROR,
    "invalididempotencykey": Code.INVALID_REQUEST,
    "idempotencyconflict": Code.INVALID_REQUEST,
    "idempotencyunavailable": Code.PROVIDER_ERROR,
    "upstreamcapacityexhausted": Code.PROVIDER_ERROR,
}
# "403: Insufficient balance or insufficient permissions".
ABOUT_BALANCE = re.compile(
    r"insufficient[ _](\w+ )?(balance|quota|credits?|funds)\b"
    r"|(balance|quota|credits?) (is |are )?(too low|not enough|insufficient|used up|exhausted)",
    re.IGNORECASE,
)

ADD_BALANCE = _(
    "Tell an admin: the provider asks to add balance or to change the account's limits. Another "
    "engine may work meanwhile."
)
NO_MODEL = _(
    "Tell an admin: the provider does not offer this model to the studio's account at present. "
    "Another engine may work meanwhile."
)
# "Typical action" of "Error codes", where it says more than our advice for the code.
PAGE_ADVICE = {
    "insufficientquota": ADD_BALANCE,
    "402": ADD_BALANCE,
    "invalidapikey": _(
        "Tell an admin: the provider's key has to be replaced or corrected. Another engine may "
        "work meanwhile."
    ),
    "403": _(
        "Tell an admin: the account and the key have to be reviewed at the provider. Another "
        "engine may work meanwhile."
    ),
    "modelnotavailable": NO_MODEL,
    "modelnotfound": NO_MODEL,
    "upstreamcapacityexhausted": _("The provider has no room at the moment: try again later."),
}


class ApipodProvider(HttpProvider):
    """APIPod, https://api.apipod.ai; paths begin with /v1.

    `nothing_accepted` stays empty: "Retry only when the operation is idempotent" for a 500 is no
    promise that nothing was taken. An outcome that is not known is cleared up by sending the same
    bytes again under the same key: for seven days a repeat brings the task that the first one made
    ("Endpoint conventions"), and after that another one.

    A 404 to a poll ("Model or task is unavailable to the caller") does not end a task: another key
    gives the same answer.

    `X-Request-Cost` is a "formatted request cost" in a unit that no page names: it is kept as it
    came, and what a picture cost is reckoned from the price.
    """

    name = "apipod"
    label = "APIPod"
    engines = (SEEDREAM_4_5,)
    idempotency_header = "Idempotency-Key"
    page_advice = PAGE_ADVICE

    def build_submit(self, request: GenerationRequest) -> Payload:
        body: dict[str, Any] = {
            "model": self.engine(request.engine).model,
            "prompt": request.prompt,
            "aspect_ratio": request.aspect_ratio,
            "quality": request.resolution,
        }
        if request.references:
            links = [reference.link for reference in request.references]
            body |= {"model": EDIT_MODEL, "image_urls": links}
        if request.webhook_url:
            body["callback_url"] = request.webhook_url
        return Payload(
            path="/v1/images/generations",
            body=json.dumps(body, ensure_ascii=False, sort_keys=True).encode(),
        )

    def parse_submit(self, answer: Answer) -> Accepted:
        reply = answer.json()
        if reply["code"] not in SUCCESS:
            raise self.failure(answer, status=int(reply["code"]))
        return Accepted(
            task_id=required_text(reply["data"]["task_id"]),
            request_id=answer.request_id,
            raw=_headers_kept(answer),
        )

    def poll_path(self, task: TaskRef) -> str:
        return f"/v1/images/status/{quote(task.task_id, safe='')}"

    def parse_poll(self, answer: Answer, task: TaskRef) -> InProgress | Result:
        """ "Always branch on `status`"; the code counts only where there is none."""
        reply = answer.json()
        data = _part(reply, "data")
        if "status" not in data and reply["code"] not in SUCCESS:
            raise self.failure(answer, status=int(reply["code"]), unsure=Unavailable)
        if data["task_id"] != task.task_id:
            raise ValueError("The answer is about another task.")
        match data["status"]:
            case "pending" | "processing":
                return InProgress()
            case "completed":
                return _result(data, answer)
            # The OpenAPI description of either model names both as a failure.
            case "failed" | "error":
                raise _task_failed(reply, answer)
            case "cancelled":
                raise TaskCancelled(raw_code="cancelled", request_id=answer.request_id)
        raise ValueError("The status is none of those documented.")

    def read_fault(self, answer: Answer) -> Fault:
        reply = object_in(answer)
        raw_code, message = _raw_code(reply), _message(reply)
        statuses = (answer.status, reply.get("code"))
        code = CODES_OF_PAGE.get(plain_code(raw_code))
        if code is None and 403 in statuses and ABOUT_BALANCE.search(f"{raw_code} {message}"):
            code = Code.INSUFFICIENT_BALANCE
        error = _kind_of_conflict(raw_code) if 409 in statuses else None
        return Fault(code=code, raw_code=raw_code, message=message, error=error)

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        """A flat envelope, and "does not include a signature header" ("Webhooks")."""
        return WebhookNews(task_id=json_of(call)["task_id"], event_id=digest_of(call))

    def probe(self) -> str:
        """ "A lightweight credential and account probe" (GET /v1/account/status).

        No page shows what it answers, so nothing is read in it but whether it is a refusal.
        """
        return self.read("/v1/account/status", self._account_status)

    def _account_status(self, answer: Answer) -> str:
        reply = answer.json()
        if reply.get("code", 200) not in SUCCESS:
            raise self.failure(answer, status=int(reply["code"]), unsure=Unavailable)
        return "The key works: the provider told the status of its account, at no cost."


def _kind_of_conflict(raw_code: str) -> type[ProviderError]:
    """A key that came with another body is refused; else the first request may still be at work.

    "Retrying while the first request is still being processed returns 409": what became of it is
    learned by sending the same bytes again ("Endpoint conventions").
    """
    return Refused if plain_code(raw_code) == "idempotencyconflict" else OutcomeUnknown


def _result(data: Mapping[str, Any], answer: Answer) -> InProgress | Result:
    """The pictures; "treat an empty result as not yet deliverable" ("Asynchronous tasks")."""
    links = data.get("result") or []
    if not isinstance(links, list):
        raise ValueError("The result is no list.")
    expires_at = _expires_at(data.get("completed_at"))
    images = tuple(linked_image(link, expires_at) for link in links)
    if not any(isinstance(image, RemoteImage) for image in images):
        return InProgress()
    names = ("completed_at", "progress")
    facts = {name: data[name] for name in names if type(data.get(name)) is int}
    return Result(images=images, request_id=answer.request_id, raw=facts | _headers_kept(answer))


def _expires_at(completed_at: object) -> datetime | None:
    """24 hours after `completed_at`, seconds or milliseconds since 1970; None without it."""
    if type(completed_at) is not int or completed_at <= 0:
        return None
    return after_seconds(
        completed_at, LINK_LIFE, per_second=1 if completed_at < MOST_SECONDS else 1000
    )


def _task_failed(reply: Mapping[str, Any], answer: Answer) -> TaskFailed:
    """By `error_code`, else by the code of the envelope where that is none of success."""
    raw_code = _raw_code(reply)
    if not raw_code and reply.get("code") not in SUCCESS:
        raw_code = short(reply.get("code") or "")
    return TaskFailed(
        _message(reply),
        code=CODES_OF_PAGE.get(plain_code(raw_code)),
        raw_code=raw_code or "failed",
        request_id=answer.request_id,
    )


def _raw_code(reply: Mapping[str, Any]) -> str:
    """ "Client normalization should check `error.code`, then `data.error_code`"."""
    return text(_part(reply, "error").get("code")) or text(_part(reply, "data").get("error_code"))


def _message(reply: Mapping[str, Any]) -> str:
    data = _part(reply, "data")
    texts = (
        _part(reply, "error").get("message"),
        data.get("error_message"),
        data.get("error"),
        reply.get("message"),
    )
    told = (text for text in texts if isinstance(text, str) and text not in ("", "success"))
    return short(next(told, ""))


def _headers_kept(answer: Answer) -> dict[str, str]:
    """What the headers say beside the request's id, for the record."""
    kept = {"request_cost": "x-request-cost", "idempotent_replay": "x-idempotent-replay"}
    found = {name: answer.headers.get(header) for name, header in kept.items()}
    return {name: short(value) for name, value in found.items() if value}


def _part(reply: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = reply.get(name)
    return part if isinstance(part, Mapping) else {}
