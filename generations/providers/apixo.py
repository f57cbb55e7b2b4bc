"""APIXO: Seedream 4.5 by task and poll.

Facts: APIXO's model page for seedream-4-5 and, where named, its pages "Error Codes", "System
APIs" and "Webhooks" (apixo.ai/docs, read in autumn 2026).
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from generations.providers.answers import (
    Answer,
    Fault,
    after_seconds,
    amount,
    linked_image,
    parsed_json,
    plain_code,
    required_text,
    short,
    text,
)
from generations.providers.base import digest_of, json_of
from generations.providers.capabilities import (
    Capabilities,
    Engine,
    PollSchedule,
    ReferenceDelivery,
    SuggestedPrice,
)
from generations.providers.errors import Code, TaskFailed, Unavailable
from generations.providers.http import HttpProvider
from generations.providers.refusals import code_told
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

LINK_LIFE = timedelta(days=15)
PRICE_USD = Decimal("0.035")

SEEDREAM_4_5 = Engine(
    name="apixo/seedream-4-5",
    label="Seedream 4.5",
    model="seedream-4-5",
    capabilities=Capabilities(
        prompt_limit=5000,
        max_images=10,
        images_per_request=10,
        # The page allows a request without aspect_ratio; the provider then chooses the size. We do
        # not offer this, because a frame is shown in its format before its image arrives.
        sizes=SEEDREAM_4_5_SIZES,
        max_references=14,
        reference_delivery=ReferenceDelivery.LINK,
        images_per_sequence=10,
        webhook=True,
        polls={
            "2K": PollSchedule(first=20, interval=4),
            "4K": PollSchedule(first=30, interval=5),
        },
        # The middle of "25s-35s" and of "40s-55s".
        typical_seconds={"2K": 30, "4K": 47.5},
        # Work ends after about 180 seconds. The page does not say how long a task may wait before.
        # Past the deadline only a person can find out what became of a task, so the deadline leaves
        # time for a queue.
        deadline_seconds=600,
        link_life_seconds=LINK_LIFE.total_seconds(),
    ),
    prices=tuple(SuggestedPrice(tier=tier, credits=4, cost_usd=PRICE_USD) for tier in ("2K", "4K")),
)

# Failure codes of tasks: those of the model page, then those that only "Error Codes" has, in the
# form of `plain_code`.
FAIL_CODES = {
    "sensitivecontentdetected": Code.CONTENT_POLICY,
    "inputoutputsensitivecontentdetected": Code.CONTENT_POLICY,
    "promptinvalid": Code.PROMPT_REJECTED,
    "badrequest": Code.INVALID_REQUEST,
    "invalidimagesize": Code.REFERENCE_REJECTED,
    "imageformatincorrect": Code.REFERENCE_REJECTED,
    "uploaderror": Code.REFERENCE_REJECTED,
    "ratelimitexceeded": Code.RATE_LIMITED,
    "timeout": Code.TIMEOUT,
    "streamerror": Code.PROVIDER_ERROR,
    "finalizeerror": Code.PROVIDER_ERROR,
    "validationerror": Code.INVALID_REQUEST,
    "upstreamerror": Code.PROVIDER_ERROR,
    "sensitivecontent": Code.CONTENT_POLICY,
    "inputimagesensitivecontentdetected": Code.CONTENT_POLICY,
    "nsfw": Code.CONTENT_POLICY,
    "nsfwdetected": Code.CONTENT_POLICY,
    "prohibitedcontentdetected": Code.CONTENT_POLICY,
    "contentviolation": Code.CONTENT_POLICY,
    "promptlengthexceeded": Code.PROMPT_REJECTED,
    "prompttoolong": Code.PROMPT_REJECTED,
    "invalidprompt": Code.PROMPT_REJECTED,
    "invalidimageurl": Code.REFERENCE_REJECTED,
    "imagetoolarge": Code.REFERENCE_REJECTED,
    "unsupportedformat": Code.REFERENCE_REJECTED,
    "imagedownloadfailed": Code.REFERENCE_REJECTED,
    "processingtimeout": Code.TIMEOUT,
    "modelunavailable": Code.PROVIDER_ERROR,
    "generationfailed": Code.PROVIDER_ERROR,
    "insufficientcredits": Code.INSUFFICIENT_BALANCE,
}

# "What to do" of the model page, where it says more than our own advice for the code.
PAGE_ADVICE = {
    "403": _(
        "Change the prompt or the references. If that does not help, ask an admin to check whether "
        "the studio's key has access to this engine."
    ),
    "inputoutputsensitivecontentdetected": _("Use a different prompt or different references."),
    "promptinvalid": _("Rewrite the prompt and try again."),
    "promptlengthexceeded": _("Shorten the prompt and try again."),
    "prompttoolong": _("Shorten the prompt and try again."),
    "badrequest": _("Check the prompt, the number of images, the format and the references."),
    "validationerror": _("Check the prompt, the options and the references."),
    "invalidimagesize": _("Use a reference of another size."),
    "imageformatincorrect": _("Use a JPEG, PNG or WebP image as the reference."),
    "unsupportedformat": _("Use a JPEG, PNG or WebP image as the reference."),
    "uploaderror": _("Use a smaller file as the reference."),
    "imagetoolarge": _("Use a smaller file as the reference."),
    "timeout": _("Try a simpler prompt, fewer references or fewer images."),
    "processingtimeout": _("Try a simpler prompt, fewer references or fewer images."),
    "streamerror": _("Try again later."),
    "finalizeerror": _("Try again. If it happens again, ask an admin to contact the provider."),
    "upstreamerror": _("Try again. If it happens again, ask an admin to contact the provider."),
}


class ApixoProvider(HttpProvider):
    """APIXO, https://api.apixo.ai/api/v1.

    No idempotency key and no way to cancel is documented. `nothing_accepted` stays empty: the page
    says to retry after 500 and 502, not that nothing was accepted or pre-charged, and its 500 is
    also for a "streaming finalization error", which happens after the work. So a 500 or 502 in the
    page's own format is a failure that may be billed. 403 means both keys without access and
    blocked content; the message decides.

    A 404 to a poll ("Model route or task ID was not found") does not end a task: a wrong base URL
    or key gets the same answer, and images may exist.
    """

    name = "apixo"
    label = "APIXO"
    console = "https://apixo.ai/"
    engines = (SEEDREAM_4_5,)
    page_advice = PAGE_ADVICE

    def build_submit(self, request: GenerationRequest) -> Payload:
        body: dict[str, Any] = {"request_type": "async", "input": self._input(request)}
        if request.webhook_url:
            body |= {"request_type": "callback", "callback_url": request.webhook_url}
        model = self.engine(request.engine).model
        return Payload.of_json(f"/generateTask/{model}", body)

    def _input(self, request: GenerationRequest) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "mode": request.mode.value,
            "prompt": request.prompt,
            "max_images": request.num_images,
            "resolution": request.resolution,
            "sequential_image_generation": "auto" if request.sequential else "disabled",
        }
        if request.aspect_ratio:
            fields["aspect_ratio"] = request.aspect_ratio
        if request.references:
            fields["image_urls"] = [reference.link for reference in request.references]
        return fields

    def parse_submit(self, answer: Answer) -> Accepted:
        reply = answer.json()
        # "200 means the task was accepted"; another code in a 200 answer is an error.
        if reply["code"] != 200:
            raise self.failure(answer, status=int(reply["code"]))
        return Accepted(
            task_id=required_text(reply["data"]["taskId"]), request_id=answer.request_id
        )

    def poll_path(self, task: TaskRef) -> str:
        return f"/statusTask/{task.model}?taskId={quote(task.task_id, safe='')}"

    def parse_poll(self, answer: Answer, task: TaskRef) -> InProgress | Result:
        """Uses only `data.state`, because the pages disagree about `code` for a failed task."""
        reply = answer.json()
        data = reply["data"]
        if not isinstance(data, dict):
            raise self.failure(answer, status=int(reply["code"]), unsure=Unavailable)
        if data["taskId"] != task.task_id:
            raise ValueError("The answer is about another task.")
        match data["state"]:
            case "pending" | "processing":
                return InProgress()
            case "success":
                return _result(data, answer)
            case "failed":
                raise _task_failed(data, answer)
        raise ValueError("The state is not a documented one.")

    def read_fault(self, answer: Answer) -> Fault:
        """The envelope of every answer: `code`, the HTTP status as a number, and `message`."""
        reply = answer.json()
        code, message = reply.get("code", ""), reply.get("message", "")
        own = type(code) is int and 400 <= code < 600 and bool(text(message))
        raw_code = str(code)
        return Fault(code=_our_code(raw_code), raw_code=raw_code, message=str(message), own=own)

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        """ "Webhooks" describes the same envelope as for a poll, without an id or a signature."""
        return WebhookNews(task_id=json_of(call)["data"]["taskId"], event_id=digest_of(call))

    def balance(self) -> ProviderBalance:
        """US dollars left ("System APIs": GET /apikeys/current-balance)."""
        return self.read("/apikeys/current-balance", _balance)


def _balance(answer: Answer) -> ProviderBalance:
    return ProviderBalance(amount=amount(answer.json()["data"]), unit="USD")


def _result(data: Mapping[str, Any], answer: Answer) -> Result:
    urls = parsed_json(data["resultJson"])["resultUrls"]
    if not isinstance(urls, list) or not urls:
        raise ValueError("A task that succeeded has no images.")
    expires_at = after_seconds(data.get("completeTime"), LINK_LIFE, per_second=1000)
    facts = ("state", "createTime", "completeTime", "costTime")
    return Result(
        images=tuple(linked_image(url, expires_at) for url in urls),
        request_id=answer.request_id,
        raw={name: data[name] for name in facts if name in data},
    )


def _task_failed(data: Mapping[str, Any], answer: Answer) -> TaskFailed:
    raw_code, message = short(data.get("failCode", "")), short(data.get("failMsg", ""))
    return TaskFailed(
        message,
        code=code_told(_our_code(raw_code), raw_code, message),
        raw_code=raw_code,
        request_id=answer.request_id,
    )


def _our_code(raw_code: str) -> Code | None:
    plain = plain_code(raw_code)
    # Each page names other members of this object: input, output, image, text.
    if "sensitivecontent" in plain:
        return Code.CONTENT_POLICY
    return FAIL_CODES.get(plain)
