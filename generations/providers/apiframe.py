"""Apiframe v2: Seedream 4.5 by job and poll, with signed webhooks and an idempotency key.

Facts, all read in autumn 2026: Apiframe's page for the Seedream 4.5 API (apiframe.ai); its pages
"Seedream 4.5", "Image Generation", "Get Job", "Webhooks", "Authentication" and "Get Account Info"
(docs-v2.apiframe.ai/docs, "Get Job" also at apiframe.ai/docs); the OpenAPI description and the code
of its official Node.js SDK (apiframe-ai/apiframe-nodejs-sdk).

Where these sources disagree:
- `image_input` is one link on the API page and a list of up to 14 everywhere else. We send a list.
- The webhook's address is `webhook_url` on the API page and `webhookUrl` everywhere else. Unknown
  properties are refused at both levels, so only one can be right. We send `webhookUrl`.
- A result is `{"images": [...]}` on the newer "Get Job" page and a bare link on the older one: we
  read both.
- Results are kept for 24 hours by the OpenAPI description and for three months by the FAQ. We
  assume 24 hours.

Not used: `POST /v2/uploads`, because references are sent as links; the event `progress`, because
the studio does not need it. The API cannot cancel a job. One job makes one image: there is no
number of images and no set.
"""

import hashlib
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
    amount,
    has_texts,
    linked_image,
    object_in,
    required_text,
    short,
)
from generations.providers.base import json_of
from generations.providers.capabilities import (
    AS_REFERENCE,
    CUSTOM,
    Capabilities,
    CustomSize,
    Engine,
    NumberRange,
    PollSchedule,
    ReferenceDelivery,
    SuggestedPrice,
)
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    TaskCancelled,
    TaskFailed,
    Unavailable,
    WebhookForged,
)
from generations.providers.http import HttpProvider
from generations.providers.refusals import code_told
from generations.providers.signatures import check_hmac
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.types import (
    Accepted,
    GenerationRequest,
    InProgress,
    Payload,
    ProviderBalance,
    Result,
    TaskRef,
    WebhookCall,
    WebhookNews,
)

LINK_LIFE = timedelta(hours=24)
TIERS = ("2K", "4K")
# "5 aspect ratios" of the API page. Other pages accept any W:H, and name no others.
ASPECT_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
# The pages give no limits for a seed. These are the limits of a signed 32-bit number, which no JSON
# parser rounds.
MOST_SEED = 2**31 - 1
# Larger numbers are implausible for credits and for jobs.
MOST_CREDITS = 10**9
MOST_JOBS = 10**6

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
        # 512 to 4096 in the OpenAPI description, 1024 to 4096 on the page "Seedream 4.5". We take
        # the narrower range: that page is about this model, the description about the whole family.
        # The fewest and most pixels are the model's own (ModelArk's page for Seedream 4.5);
        # Apiframe's pages do not mention them.
        custom_size=CustomSize(
            min_side=1024, max_side=4096, min_pixels=3_686_400, max_pixels=16_777_216
        ),
        max_references=14,
        # `aspect_ratio`: "match_input_image or W:H" (page "Seedream 4.5").
        matches_reference=True,
        reference_delivery=ReferenceDelivery.LINK,
        seed=NumberRange(0, MOST_SEED),
        guidance_scale=NumberRange(1, 10, step=0.5, default=3),
        enhance_prompt=True,
        use_pre_llm=True,
        output_formats=("jpg", "png"),
        # Apiframe accepts them, but the model's own page has neither. So "reuse a number to
        # reproduce the same result" on the API page is not a promise either.
        unproven=frozenset({"seed", "guidance_scale"}),
        takes_idempotency_key=True,
        webhook=True,
        # "Poll every 2-3 seconds for image jobs" ("Get Job").
        polls={tier: PollSchedule(first=2, interval=3) for tier in (*TIERS, CUSTOM)},
        # "about 15s per generation on average", at any size.
        typical_seconds=dict.fromkeys((*TIERS, CUSTOM), 15),
        # The SDK waits for ten minutes.
        deadline_seconds=600,
        link_life_seconds=LINK_LIFE.total_seconds(),
    ),
    # "4 credits per generation" of Apiframe's own credits, at any size. No page says what a credit
    # costs in v2, so this is the official price of the model.
    prices=tuple(
        SuggestedPrice(tier=tier, credits=4, cost_usd=Decimal("0.04")) for tier in (*TIERS, CUSTOM)
    ),
)

# Jobs fail with free text and no code, so `refusals` reads the text. The text may repeat a prompt,
# and raw codes are logged, so only the texts that the pages show become raw codes. The first is in
# the examples of "Get Job" and "Webhooks", the second in the FAQ.
POLICY_ERRORS = frozenset(
    {"provider returned an error: content policy violation", "content policy violation"}
)
# "The key exists but has been deactivated" ("Authentication").
KEY_INACTIVE = "API key is inactive"
# What Cloudflare, in front of the API, answers to clients that it blocks: plain text, while all
# errors of the API itself are JSON.
BLOCKED_ON_THE_WAY = re.compile(rb"\s*(error code: 1\d{3})\s*", re.IGNORECASE)


class ApiframeProvider(HttpProvider):
    """Apiframe v2, https://api.apiframe.ai; paths begin with /v2.

    `nothing_accepted` stays empty, because no page says what 500 and 502 mean. All errors of the
    API have the form `{"error": "text"}`, and the HTTP status is the only code. A 500 in this form
    comes from Apiframe itself. "Replaying the same key within 24 hours returns the original job
    rather than creating a duplicate" (OpenAPI), so sending the same bytes again settles an unknown
    outcome.

    A 404 to a poll ("Job not found, or owned by a different user") does not end a job, because
    another key gets the same answer.
    """

    name = "apiframe"
    label = "Apiframe"
    console = "https://apiframe.ai/"
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
        return Payload.of_json("/v2/images/generate", body)

    def parse_submit(self, answer: Answer) -> Accepted:
        """The job; its status is only kept: a repeated request may return a job that has ended."""
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
        raise ValueError("The status is not a documented one.")

    def read_fault(self, answer: Answer) -> Fault:
        if answer.status == 403 and (blocked := BLOCKED_ON_THE_WAY.fullmatch(answer.body)):
            # It never reached Apiframe, and says nothing about the key.
            raw_code = blocked[1].decode().lower()
            return Fault(code=Code.CONNECTION, raw_code=raw_code, error=Unavailable)
        reply = object_in(answer)
        if answer.status == 409:
            # "Replayed an idempotency key with a different request body" (SDK): a job with this key
            # exists, and may be charged. Refusing would lose that job, and another key would pay
            # twice.
            return Fault(message=_message(reply), error=OutcomeUnknown)
        balance = _balance_left(reply) if answer.status == 402 else None
        own = has_texts(reply, "error")
        return Fault(code=_code(reply), message=_message(reply), balance=balance, own=own)

    def read_webhook(self, call: WebhookCall, *, now: float) -> WebhookNews:
        """Signed with the SHA-256 of the key that made the job; the signature has no time.

        "Webhooks" says only that the secret is "the SHA-256 hash of your API key". The SDK uses its
        32 raw bytes. We also accept its hexadecimal form, which nobody without the key can know.
        """
        secret = hashlib.sha256(self._api_key.encode())
        check_hmac((secret.digest(), secret.hexdigest().encode()), call.body, [_signature_of(call)])
        return super().read_webhook(call, now=now)

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        """The event is taken from the body, because the header that repeats it is not signed."""
        news = json_of(call)
        return WebhookNews(
            task_id=news["jobId"],
            event_id=f"{required_text(news['jobId'])} {required_text(news['event'])}",
        )

    def balance(self) -> ProviderBalance:
        """Apiframe's own credits, and how many jobs run at once ("Get Account Info")."""
        return self.read("/v2/me", _balance)


def _params(request: GenerationRequest) -> dict[str, Any]:
    """`seedreamParams`; options that are not set are left out."""
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
    as_reference = request.aspect_ratio == AS_REFERENCE
    ratio = "match_input_image" if as_reference else request.aspect_ratio
    return {"size": request.resolution, "aspect_ratio": ratio}


def _result(job: Mapping[str, Any], answer: Answer) -> Result:
    """The images; links of an expired job "may 404", so we try to fetch them in any case."""
    links = _links(job.get("result"))
    if not links and job.get("expired") is True:
        raise TaskFailed(
            code=Code.IMAGE_UNREACHABLE, raw_code="expired", request_id=answer.request_id
        )
    if not links:
        raise ValueError("A job that was completed has no images.")
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
    text = short(job.get("error") or "")
    is_known = text.strip().rstrip(".").casefold() in POLICY_ERRORS
    return TaskFailed(
        text,
        code=code_told(None, "", text),
        raw_code=text if is_known else "FAILED",
        request_id=answer.request_id,
    )


def _details(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """ "Per-field validation errors keyed by JSON path" (OpenAPI)."""
    details = reply.get("details")
    return details if isinstance(details, Mapping) else {}


def _code(reply: Mapping[str, Any]) -> Code | None:
    """What the error says besides its status: an inactive key, or which field was refused."""
    if reply.get("error") == KEY_INACTIVE:
        return Code.AUTH
    fields = {part for path in _details(reply) for part in path.split(".")}
    if "prompt" in fields:
        return Code.PROMPT_REJECTED
    return Code.REFERENCE_REJECTED if "image_input" in fields else None


def _message(reply: Mapping[str, Any]) -> str:
    details = (f"{path}: {texts}" for path, texts in _details(reply).items())
    return "; ".join((str(reply.get("error", "")), *details))


def _balance_left(reply: Mapping[str, Any]) -> ProviderBalance | None:
    """The credits left, as "Insufficient credits" states them."""
    left = reply.get("creditsAvailable")
    if type(left) is not int or not 0 <= left <= MOST_CREDITS:
        return None
    return ProviderBalance(amount=Decimal(left), unit="credits")


def _balance(answer: Answer) -> ProviderBalance:
    team = answer.json()["team"]
    # On the page "Get Account Info", but not in the OpenAPI description.
    most = team.get("maxConcurrentJobs")
    return ProviderBalance(
        amount=amount(team["credits"]),
        unit="credits",
        concurrency=most if type(most) is int and 0 < most <= MOST_JOBS else None,
    )


def _signature_of(call: WebhookCall) -> bytes:
    """`X-Webhook-Signature`: hexadecimal, with or without a leading `sha256=` (SDK)."""
    given = call.headers.get("x-webhook-signature", "").strip()
    try:
        return bytes.fromhex(given.removeprefix("sha256="))
    except ValueError:
        raise WebhookForged("The signature is missing or wrong.") from None


def _facts(reply: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What is kept for the record, shortened."""
    found = {name: reply[name] for name in names if reply.get(name) is not None}
    return {
        name: short(value) if isinstance(value, str) else value for name, value in found.items()
    }
