"""Apiframe v2: Seedream 4.5 by job and poll, with signed webhooks and an idempotency key.

Facts, all read in autumn 2026: Apiframe's page for the Seedream 4.5 API (apiframe.ai); its pages
"Seedream 4.5", "Image Generation", "Get Job", "Webhooks", "Authentication" and "Get Account Info"
(docs-v2.apiframe.ai/docs, "Get Job" also at apiframe.ai/docs); the OpenAPI description and the
code of its official Node.js SDK (apiframe-ai/apiframe-nodejs-sdk).

Where they disagree:
- `image_input` is one link on the API page and a list of up to 14 everywhere else: a list is sent.
- The webhook's address is `webhook_url` on the API page, `webhookUrl` everywhere else. Unknown
  properties are refused at both levels, so only one can be right: `webhookUrl`.
- A result is `{"images": [...]}` on the newer "Get Job" page and a bare link on the older one: both
  are read.
- Results live 24 hours by the OpenAPI description and three months by the FAQ: 24 hours it is.

Not offered: `match_input_image`, for a frame stands in its own format before its picture comes;
`POST /v2/uploads`, for references are links; the event `progress`, for it says nothing that must be
known. There is no way to cancel, no number of images and no set of images: one job, one picture.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from generations.providers.answers import (
    Answer,
    Fault,
    after_iso,
    linked_image,
    object_in,
    required_text,
    short,
)
from generations.providers.base import json_of
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    TaskCancelled,
    TaskFailed,
    Unavailable,
    WebhookForged,
)
from generations.providers.http import HttpProvider
from generations.providers.signatures import check_hmac
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.types import (
    CUSTOM,
    Accepted,
    Balance,
    Capabilities,
    CustomSize,
    Engine,
    GenerationRequest,
    InProgress,
    NumberRange,
    Payload,
    PollSchedule,
    ReferenceDelivery,
    Result,
    SuggestedPrice,
    TaskRef,
    WebhookCall,
    WebhookNews,
)

LINK_LIFE = timedelta(hours=24)
TIERS = ("2K", "4K")
# "5 aspect ratios" of the API page; other pages let any W:H be sent, and name no others.
ASPECT_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
# The pages name no limits of a seed; these are of a signed 32-bit number, which nothing rounds.
MOST_SEED = 2**31 - 1

SEEDREAM_4_5 = Engine(
    name="apiframe/seedream-4-5",
    label="Seedream 4.5",
    model="seedream-4.5",
    capabilities=Capabilities(
        prompt_limit=2000,
        max_images=10,
        sizes={
            tier: {ratio: SEEDREAM_4_5_SIZES[tier][ratio] for ratio in ASPECT_RATIOS}
            for tier in TIERS
        },
        exact_sizes=False,
        # 512 to 4096 in the OpenAPI description, 1024 to 4096 on the page "Seedream 4.5". The
        # narrower is the page of this very model, and the description has one range for the whole
        # family. The fewest and most pixels are the model's own (ModelArk's page for Seedream 4.5),
        # of which Apiframe's pages say nothing.
        custom_size=CustomSize(
            min_side=1024, max_side=4096, min_pixels=3_686_400, max_pixels=16_777_216
        ),
        max_references=14,
        reference_delivery=ReferenceDelivery.LINK,
        seed=NumberRange(0, MOST_SEED),
        guidance_scale=NumberRange(1, 10, step=0.5, default=3),
        enhance_prompt=True,
        use_pre_llm=True,
        output_formats=("jpg", "png"),
        # Apiframe takes them; the model's own page has neither, so "reuse a number to reproduce the
        # same result" of the API page is no promise either.
        unproven=frozenset({"seed", "guidance_scale"}),
        takes_idempotency_key=True,
        webhook=True,
        # "Poll every 2-3 seconds for image jobs" ("Get Job").
        polls={tier: PollSchedule(first=2, interval=3) for tier in (*TIERS, CUSTOM)},
        # "about 15s per generation on average", whatever the size.
        typical_seconds=dict.fromkeys((*TIERS, CUSTOM), 15),
        # The SDK waits for ten minutes.
        deadline_seconds=600,
        link_life_seconds=LINK_LIFE.total_seconds(),
    ),
    # "4 credits per generation" of Apiframe's own, at whatever size. No page says what one of them
    # costs in v2, so this is the official price of the model.
    prices=tuple(
        SuggestedPrice(tier=tier, credits=4, cost_usd=Decimal("0.04")) for tier in (*TIERS, CUSTOM)
    ),
)

# Jobs fail with a free text and no code. Only the texts that the pages show can be told apart: the
# first is in the examples of "Get Job" and "Webhooks", the second in the FAQ.
POLICY_ERRORS = frozenset(
    {"provider returned an error: content policy violation", "content policy violation"}
)
# "The key exists but has been deactivated" ("Authentication").
KEY_INACTIVE = "API key is inactive"
# What Cloudflare in front of the API answers to clients that it does not like: plain text, while
# all errors of the API itself are JSON.
BLOCKED_ON_THE_WAY = re.compile(rb"\s*(error code: 1\d{3})\s*", re.IGNORECASE)


class ApiframeProvider(HttpProvider):
    """Apiframe v2, https://api.apiframe.ai; paths begin with /v2.

    `nothing_accepted` stays empty: of 500 and 502 no page says anything. "Replaying the same key
    within 24 hours returns the original job rather than creating a duplicate" (OpenAPI), so an
    outcome that is not known is cleared up by sending the same bytes again.

    A 404 to a poll ("Job not found, or owned by a different user") does not end a job: another key
    gives the same answer.
    """

    name = "apiframe"
    label = "Apiframe"
    engines = (SEEDREAM_4_5,)
    idempotency_header = "Idempotency-Key"

    def credentials(self) -> dict[str, str]:
        return {"X-API-Key": self._api_key}

    def build_submit(self, request: GenerationRequest) -> Payload:
        body: dict[str, Any] = {
            "model": self.engine(request.engine).model,
            "prompt": request.prompt,
            "seedreamParams": _params(request),
        }
        if request.webhook_url:
            body |= {"webhookUrl": request.webhook_url, "webhookEvents": ["completed", "failed"]}
        return Payload(
            path="/v2/images/generate",
            body=json.dumps(body, ensure_ascii=False, sort_keys=True).encode(),
        )

    def parse_submit(self, answer: Answer) -> Accepted:
        """The job; its status is only kept, for a replay may tell of one that has ended."""
        reply = answer.json()
        return Accepted(
            task_id=required_text(reply["jobId"]),
            request_id=answer.request_id,
            raw=_facts(reply, "status"),
        )

    def poll_path(self, task: TaskRef) -> str:
        return f"/v2/jobs/{quote(task.task_id, safe='')}"

    def parse_poll(self, answer: Answer, task: TaskRef) -> InProgress | Result:
        job = answer.json()
        if job["id"] != task.task_id:
            raise ValueError("The answer is about another job.")
        match job["status"]:
            case "QUEUED" | "PROCESSING":
                return InProgress()
            case "COMPLETED":
                return _result(job, answer)
            case "FAILED":
                raise _task_failed(job, answer)
            case "CANCELLED":
                raise TaskCancelled(raw_code="CANCELLED", request_id=answer.request_id)
        raise ValueError("The status is none of those documented.")

    def read_fault(self, answer: Answer) -> Fault:
        if answer.status == 403 and (blocked := BLOCKED_ON_THE_WAY.fullmatch(answer.body)):
            # It never came to Apiframe, and says nothing about the key.
            raw_code = blocked[1].decode().lower()
            return Fault(code=Code.CONNECTION, raw_code=raw_code, error=Unavailable)
        reply = object_in(answer)
        if answer.status == 409:
            # "Replayed an idempotency key with a different request body" (SDK): a job of this key
            # exists, and may be charged. To refuse would lose it, another key would pay twice.
            return Fault(message=_message(reply), error=OutcomeUnknown)
        balance = _balance_left(reply) if answer.status == 402 else None
        return Fault(code=_code(reply), message=_message(reply), balance=balance)

    def read_webhook(self, call: WebhookCall, *, now: float) -> WebhookNews:
        """Signed with the SHA-256 of the key that the job was made with; there is no time in it.

        "Webhooks" only says that the secret is "the SHA-256 hash of your API key". The SDK takes
        its 32 raw bytes; the hexadecimal form is believed too, for nobody without the key knows it.
        """
        secret = hashlib.sha256(self._api_key.encode())
        check_hmac((secret.digest(), secret.hexdigest().encode()), call.body, [_signature_of(call)])
        return super().read_webhook(call, now=now)

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        """The event is the body's: its twin among the headers is not signed."""
        news = json_of(call)
        return WebhookNews(
            task_id=news["jobId"],
            event_id=f"{required_text(news['jobId'])} {required_text(news['event'])}",
        )

    def balance(self) -> Balance:
        """Apiframe's own credits, and how many jobs run at once ("Get Account Info")."""
        return self.read("/v2/me", _balance)


def _params(request: GenerationRequest) -> dict[str, Any]:
    """`seedreamParams`: what is not set is left out."""
    options = {
        "image_input": [reference.link for reference in request.references] or None,
        "seed": request.seed,
        "guidance_scale": request.guidance_scale,
        "output_format": request.output_format,
        "enhance_prompt": request.enhance_prompt,
        "use_pre_llm": request.use_pre_llm,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return _size(request) | given


def _size(request: GenerationRequest) -> dict[str, Any]:
    if request.resolution == CUSTOM:
        return {"size": "custom", "width": request.width, "height": request.height}
    return {"size": request.resolution, "aspect_ratio": request.aspect_ratio}


def _result(job: Mapping[str, Any], answer: Answer) -> Result:
    """The pictures; links of an expired job "may 404", so they are tried all the same."""
    links = _links(job.get("result"))
    if not links and job.get("expired") is True:
        raise TaskFailed(
            code=Code.IMAGE_UNREACHABLE, raw_code="expired", request_id=answer.request_id
        )
    if not links:
        raise ValueError("A job that was completed has no pictures.")
    expires_at = after_iso(job.get("completedAt"), LINK_LIFE)
    return Result(
        images=tuple(linked_image(link, expires_at) for link in links),
        model=short(job.get("model") or ""),
        request_id=answer.request_id,
        raw=_facts(job, "status", "creditCost", "createdAt", "completedAt", "expired"),
    )


def _links(result: object) -> list[object]:
    links = result.get("images") if isinstance(result, Mapping) else result
    if isinstance(links, str):
        links = [links] if links else []
    return links if isinstance(links, list) else []


def _task_failed(job: Mapping[str, Any], answer: Answer) -> TaskFailed:
    """The text may repeat a prompt, and raw codes are logged: only known texts become one."""
    text = short(job.get("error") or "")
    is_policy = text.strip().rstrip(".").casefold() in POLICY_ERRORS
    return TaskFailed(
        text,
        code=Code.CONTENT_POLICY if is_policy else None,
        raw_code=text if is_policy else "FAILED",
        request_id=answer.request_id,
    )


def _details(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """ "Per-field validation errors keyed by JSON path" (OpenAPI)."""
    details = reply.get("details")
    return details if isinstance(details, Mapping) else {}


def _code(reply: Mapping[str, Any]) -> Code | None:
    """What the error says beyond its status: an inactive key, or which field was refused."""
    if reply.get("error") == KEY_INACTIVE:
        return Code.AUTH
    fields = {part for path in _details(reply) for part in path.split(".")}
    if "prompt" in fields:
        return Code.PROMPT_REJECTED
    return Code.REFERENCE_REJECTED if "image_input" in fields else None


def _message(reply: Mapping[str, Any]) -> str:
    details = (f"{path}: {texts}" for path, texts in _details(reply).items())
    return "; ".join((str(reply.get("error", "")), *details))


def _balance_left(reply: Mapping[str, Any]) -> Balance | None:
    """What "Insufficient credits" says is left."""
    left = reply.get("creditsAvailable")
    return Balance(amount=Decimal(left), unit="credits") if type(left) is int else None


def _balance(answer: Answer) -> Balance:
    team = answer.json()["team"]
    # In "Get Account Info", though not in the OpenAPI description.
    most = team.get("maxConcurrentJobs")
    return Balance(
        amount=Decimal(str(team["credits"])),
        unit="credits",
        concurrency=most if type(most) is int and most > 0 else None,
    )


def _signature_of(call: WebhookCall) -> bytes:
    """`X-Webhook-Signature`: hexadecimal, with or without `sha256=` before it (SDK)."""
    given = call.headers.get("x-webhook-signature", "").strip()
    try:
        return bytes.fromhex(given.removeprefix("sha256="))
    except ValueError:
        raise WebhookForged("The signature is missing or wrong.") from None


def _facts(reply: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What is kept for the record, cut short."""
    found = {name: reply[name] for name in names if reply.get(name) is not None}
    return {
        name: short(value) if isinstance(value, str) else value for name, value in found.items()
    }
