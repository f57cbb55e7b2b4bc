"""APIPod: Seedream 4.5 by task and poll, with an idempotency key and unsigned callbacks.

Facts, all read in autumn 2026: APIPod's page "Seedream v4.5 Text to Image"
(www.apipod.ai/docs/api-reference), and the pages "Seedream V4.5 Text to Image", "Seedream V4.5
Image to Image", "Query image task", "Endpoint conventions", "Authentication", "Error codes",
"Asynchronous tasks", "Webhooks" and "OpenAI-compatible images API" of docs.apipod.ai with their
OpenAPI descriptions.

Where these sources disagree:
- `code` of a success is 0 at www.apipod.ai and 200 at docs.apipod.ai. We accept both; any
  other code in a 200 answer is an error.
- A balance that is too low is 403 on the first page and 402 `insufficient_quota` on "Error codes".
  We treat a 403 that mentions the balance as one.
- A failed task has `error_message` on most pages and `error` in the older description of "Query
  image task". That description also says that `code` and `message` tell more, and that
  `completed_at` is in milliseconds, next to an example in seconds.

Not used: the OpenAI-style route, which takes a number of images and answers in the same call. It
holds a connection for up to 300 seconds, and its 504 leaves the outcome open while the task
continues and is billed, with the task's id only in a sentence. `POST /v1/pricing/estimate` is
mentioned, but neither its body nor its answer is described. A task cannot be cancelled by request,
although it may end as cancelled. One task makes one image, without seed, format, number of images
or set.
"""

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
    has_texts,
    linked_image,
    object_in,
    plain_code,
    required_text,
    short,
    text,
    understood,
)
from generations.providers.base import digest_of, json_of
from generations.providers.capabilities import (
    Capabilities,
    Engine,
    PollSchedule,
    ReferenceDelivery,
    SuggestedPrice,
)
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
from generations.providers.proving import prove_key
from generations.providers.refusals import code_told
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.types import (
    Accepted,
    GenerationRequest,
    InProgress,
    Payload,
    RemoteImage,
    Result,
    TaskRef,
    WebhookCall,
    WebhookNews,
)

SUCCESS = (0, 200)
ACCOUNT = "/v1/account/status"
# The model for requests with references; without references it is the engine's own model.
EDIT_MODEL = "seedream-v4.5-edit"
# "usually expires after 24 hours" (older description of "Query image task").
LINK_LIFE = timedelta(hours=24)
# In seconds since 1970 this is the year 5138: larger numbers count milliseconds.
MOST_SECONDS = 100_000_000_000
TIERS = ("2K", "4K")

SEEDREAM_4_5 = Engine(
    name="apipod/seedream-4-5",
    label="Seedream 4.5",
    model="seedream-v4.5",
    capabilities=Capabilities(
        prompt_limit=4000,
        max_images=10,
        # The page has all eight ratios of the table, but no pixels.
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
        # of the first page are about when to ask a person for patience.
        deadline_seconds=600,
        link_life_seconds=LINK_LIFE.total_seconds(),
    ),
    # No page gives a price, so this is the official price of the model.
    prices=tuple(SuggestedPrice(tier=tier, credits=4, cost_usd=Decimal("0.04")) for tier in TIERS),
)

# The codes of "Common machine codes" on "Error codes", the one in its example of a failed task, and
# those that only the first page and the OpenAI-style route have; in the form of `plain_code`. None
# of them is for moderation, and "Do not convert capacity or service failures into moderation
# errors". For a code that is not here, `refusals` reads the text (`content_policy_violation` has
# been seen) and follows that rule.
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
    "Ask an admin to top up the balance or to change the account's limits at the provider. Another "
    "engine may work meanwhile."
)
NO_MODEL = _(
    "Tell an admin: the provider does not offer this model to the studio's account at present. "
    "Another engine may work meanwhile."
)
# "Typical action" of "Error codes", where it says more than our own advice for the code.
PAGE_ADVICE = {
    "insufficientquota": ADD_BALANCE,
    "402": ADD_BALANCE,
    "invalidapikey": _(
        "Ask an admin to correct or replace the studio's key. Another engine may work meanwhile."
    ),
    "403": _(
        "Ask an admin to review the studio's account and key at the provider. Another engine may "
        "work meanwhile."
    ),
    "modelnotavailable": NO_MODEL,
    "modelnotfound": NO_MODEL,
    "upstreamcapacityexhausted": _("The provider is too busy at the moment. Try again later."),
}


class ApipodProvider(HttpProvider):
    """APIPod, https://api.apipod.ai; paths begin with /v1.

    `nothing_accepted` stays empty: "Retry only when the operation is idempotent" for a 500 does not
    promise that nothing was accepted, so a 500 in the page's own format may be billed. Sending the
    same bytes again under the same key settles an unknown outcome: for seven days a repeat returns
    the task of the first request, and after that it makes another one ("Endpoint conventions").

    A 404 to a poll ("Model or task is unavailable to the caller") does not end a task, because
    another key gets the same answer.

    `X-Request-Cost` is a "formatted request cost" in a unit that no page names. It is kept
    unchanged, and the cost of an image is taken from the price.
    """

    name = "apipod"
    label = "APIPod"
    console = "https://apipod.ai/"
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
        return Payload.of_json("/v1/images/generations", body)

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
        """ "Always branch on `status`"; the code counts only if there is no status."""
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
            # Both OpenAPI descriptions list it as a failure.
            case "failed" | "error":
                raise _task_failed(reply, answer)
            case "cancelled":
                raise TaskCancelled(raw_code="cancelled", request_id=answer.request_id)
        raise ValueError("The status is not a documented one.")

    def read_fault(self, answer: Answer) -> Fault:
        reply = object_in(answer)
        raw_code, message = _raw_code(reply), _message(reply)
        statuses = (answer.status, reply.get("code"))
        code = CODES_OF_PAGE.get(plain_code(raw_code))
        if code is None and 403 in statuses and ABOUT_BALANCE.search(f"{raw_code} {message}"):
            code = Code.INSUFFICIENT_BALANCE
        error = _kind_of_conflict(raw_code) if 409 in statuses else None
        return Fault(
            code=code, raw_code=raw_code, message=message, error=error, own=_is_own_error(reply)
        )

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        """A flat envelope that "does not include a signature header" ("Webhooks")."""
        return WebhookNews(task_id=json_of(call)["task_id"], event_id=digest_of(call))

    def probe(self) -> str:
        """ "A lightweight credential and account probe" (GET /v1/account/status).

        No page shows its answer, so we read only whether it is a refusal.
        """
        answer = self.ask(ACCOUNT)
        if not answer.ok:
            raise self.failure(answer, unsure=Unavailable)
        understood(self._check_account, answer, Unavailable(code=Code.BAD_RESPONSE))
        return prove_key(self, answer, lambda adapter: adapter.ask(ACCOUNT))

    def _check_account(self, answer: Answer) -> None:
        reply = answer.json()
        if reply.get("code", 200) not in SUCCESS:
            raise self.failure(answer, status=int(reply["code"]), unsure=Unavailable)


def _kind_of_conflict(raw_code: str) -> type[ProviderError]:
    """For a 409: a key with another body is refused; else the first request may still run.

    "Retrying while the first request is still being processed returns 409": sending the same bytes
    again tells what became of it ("Endpoint conventions").
    """
    return Refused if plain_code(raw_code) == "idempotencyconflict" else OutcomeUnknown


def _result(data: Mapping[str, Any], answer: Answer) -> InProgress | Result:
    """The images; "treat an empty result as not yet deliverable" ("Asynchronous tasks")."""
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
    """By `error_code`, otherwise by the code of the envelope unless it means success."""
    raw_code, message = _raw_code(reply), _message(reply)
    if not raw_code and reply.get("code") not in SUCCESS:
        raw_code = short(reply.get("code") or "")
    return TaskFailed(
        message,
        code=code_told(CODES_OF_PAGE.get(plain_code(raw_code)), raw_code, message),
        raw_code=raw_code or "failed",
        request_id=answer.request_id,
    )


def _is_own_error(reply: Mapping[str, Any]) -> bool:
    """Whether the error is complete: `error` or the envelope has a code and a message.

    `error` is the form of www.apipod.ai and "Error codes", the envelope that of every answer.
    """
    code = reply.get("code")
    is_envelope = type(code) is int and 400 <= code < 600 and has_texts(reply, "message")
    return is_envelope or has_texts(reply.get("error"), "code", "message")


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
    """What the headers say besides the request's id, for the record."""
    kept = {"request_cost": "x-request-cost", "idempotent_replay": "x-idempotent-replay"}
    found = {name: answer.headers.get(header) for name, header in kept.items()}
    return {name: short(value) for name, value in found.items() if value}


def _part(reply: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = reply.get(name)
    return part if isinstance(part, Mapping) else {}
