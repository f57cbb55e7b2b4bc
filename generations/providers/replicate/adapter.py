"""Replicate: Seedream 4.5 by prediction and poll, with signed webhooks.

Facts: Replicate's page of bytedance/seedream-4.5 (input of version 9fe3b828) and its pages "HTTP
API" with its OpenAPI description, "Prediction lifecycle", "Error codes", "Rate limits", "Data
retention" and "Verify webhooks" (replicate.com, read in autumn 2026).

Not offered, although the API has it:

- `Prefer: wait`: it holds the call for up to a minute, and if the call breaks, the task is lost.
- `Cancel-After`: the studio has its own deadline.
- `disable_safety_checker`: always left at its default, which is to check.
- Streams, files and lists of predictions: the studio does not need them.

The API does not tell the balance, and no idempotency key is documented.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from generations.providers.addresses import is_same_origin
from generations.providers.answers import (
    Answer,
    Fault,
    after_iso,
    has_texts,
    linked_image,
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
    PollSchedule,
    ReferenceDelivery,
    SuggestedPrice,
)
from generations.providers.concerns import Concern, never_content
from generations.providers.errors import (
    Code,
    ProviderError,
    Refused,
    TaskCancelled,
    TaskFailed,
)
from generations.providers.http import HttpProvider
from generations.providers.refusals import code_told
from generations.providers.replicate.signing import SigningSecret, check_call
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.transport import USER_AGENT
from generations.providers.types import (
    Accepted,
    GenerationRequest,
    InProgress,
    Payload,
    Result,
    TaskRef,
    WebhookCall,
    WebhookNews,
)

# "Data retention": output values and files are removed after an hour.
LINK_LIFE = timedelta(hours=1)
# No page of Replicate names a price. Third parties name 0.06 and 0.045 US dollars an image. We use
# the higher one, so that nobody is charged less than the company pays.
PRICE_USD = Decimal("0.06")
TIERS = ("2K", "4K", CUSTOM)

SEEDREAM_4_5 = Engine(
    name="replicate/seedream-4-5",
    label="Seedream 4.5",
    model="bytedance/seedream-4.5",
    capabilities=Capabilities(
        prompt_limit=4000,
        max_images=10,
        # The page names the tiers, but of the ratios only the default. These eight are in the
        # schema of Cloudflare's page for bytedance/seedream-4.5, which ran at Replicate. The pixels
        # are the model's own; neither page promises them.
        sizes=SEEDREAM_4_5_SIZES,
        exact_sizes=False,
        # The page allows 1024 to 4096 for each side; the model makes no image below 3,686,400
        # pixels.
        custom_size=CustomSize(
            min_side=1024, max_side=4096, min_pixels=3_686_400, max_pixels=4096 * 4096
        ),
        max_references=14,
        # The default of `aspect_ratio` on the model's page.
        matches_reference=True,
        reference_delivery=ReferenceDelivery.LINK,
        images_per_sequence=15,
        # "Total images (input + generated) cannot exceed 15."
        max_images_and_references=15,
        can_cancel=True,
        webhook=True,
        polls={tier: PollSchedule(first=3, interval=3) for tier in TIERS},
        # Work ends after 30 minutes ("Prediction lifecycle"). The page does not say how long a
        # prediction may wait before. Past the deadline only a person can find out what became of
        # it.
        deadline_seconds=35 * 60,
        link_life_seconds=LINK_LIFE.total_seconds(),
    ),
    prices=tuple(SuggestedPrice(tier=tier, credits=6, cost_usd=PRICE_USD) for tier in TIERS),
)

# A failed prediction gives its reason as one text, which begins with or contains one of these
# phrases. The first comes from the input check of every model; the second, like E005, from the
# models' own moderation.
INVALID_INPUT = "Input validation error"
FLAGGED = "flagged as sensitive"

# Four-digit codes are from "Error codes", E005 is from the models. All others are the provider's
# trouble: for E9243 and E9825 the page names the request as only one of several causes.
FAIL_CODES = {
    INVALID_INPUT: Code.INVALID_REQUEST,
    FLAGGED: Code.CONTENT_POLICY,
    "E005": Code.CONTENT_POLICY,
    "E4875": Code.INVALID_REQUEST,
    "E6716": Code.TIMEOUT,
}

# The advice of "Error codes", where it says more than our own advice for the code.
PAGE_ADVICE = {
    "e1001": _("Use smaller or fewer references, or a shorter prompt."),
    "e4875": _("Tell an admin: the provider got no address to report the result to."),
    "e6716": _("Wait a moment and try again."),
    "e8765": _("Try again in a few minutes. If it happens again, choose another engine."),
    "e9243": _("Check the prompt, the options and the references, or try something simpler."),
    "e9825": _("Try again. If it happens again, use smaller references."),
    "dataremoved": _(
        "The provider keeps images for one hour only. Try again, and ask an admin why the studio "
        "did not fetch this one in time."
    ),
}

# "Rate limits": {"detail": "Request was throttled. Your rate limit resets in ~30s."}
RESETS_IN = re.compile(r"resets in ~?(\d{1,6}(?:\.\d+)?)\s*s\b")


class ReplicateProvider(HttpProvider):
    """Replicate, https://api.replicate.com/v1.

    `webhook_secret` (`whsec_…`) signs webhooks; without it the adapter reads it with the key.
    `nothing_accepted` stays empty, because no page says that a 500 or 502 came before anything was
    accepted. So one that is a complete problem of RFC 7807 may be billed. A 404 to a poll does not
    end a task, because no page says that the task is gone.
    """

    name = "replicate"
    label = "Replicate"
    console = "https://replicate.com/predictions"
    engines = (SEEDREAM_4_5,)
    # "Rate limits" names 600 for new predictions, and fewer when the credit is nearly used up.
    default_per_minute = 300
    page_advice = PAGE_ADVICE

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        private_hosts: Collection[str] = (),
        user_agent: str = USER_AGENT,
        webhook_secret: str = "",
    ) -> None:
        super().__init__(base_url, api_key, private_hosts=private_hosts, user_agent=user_agent)
        self._signing = SigningSecret(webhook_secret.strip(), read=self._read_secret)

    def build_submit(self, request: GenerationRequest) -> Payload:
        body: dict[str, Any] = {"input": _input(request)}
        if request.webhook_url:
            body |= {"webhook": request.webhook_url, "webhook_events_filter": ["completed"]}
        model = self.engine(request.engine).model
        return Payload.of_json(f"/models/{model}/predictions", body)

    def parse_submit(self, answer: Answer) -> Accepted:
        prediction = answer.json()
        links = prediction.get("urls")
        links = links if isinstance(links, dict) else {}
        return Accepted(
            task_id=required_text(prediction["id"]),
            urls={name: links[name] for name in ("get", "cancel") if _is_text(links.get(name))},
            request_id=answer.request_id,
            raw=_facts(prediction),
        )

    def poll_path(self, task: TaskRef) -> str:
        return self._link(task, "get") or _path(task)

    def parse_poll(self, answer: Answer, task: TaskRef) -> InProgress | Result:
        prediction = _prediction(answer, task)
        match prediction["status"]:
            case "starting" | "processing":
                return InProgress()
            case "succeeded" if prediction.get("data_removed") is True:
                # "`output` will be null after the output has been removed": there is nothing left
                # to fetch.
                raise _failed(answer, raw_code="data_removed", code=Code.IMAGE_UNREACHABLE)
            case "succeeded":
                return _result(prediction, answer)
            case "failed":
                raise _task_failed(prediction, answer)
            case "canceled":
                raise TaskCancelled(raw_code="canceled", request_id=answer.request_id)
            case "aborted":
                # "exceeded its deadline before it could start running"; this is not charged.
                raise _failed(answer, raw_code="aborted", code=Code.TIMEOUT)
        raise ValueError("The status is not a documented one.")

    def cancel(self, task: TaskRef) -> bool:
        """The answer is the prediction; one that had already ended is unchanged.

        The page names no error for that case, so after any refusal the polls show how the task
        ended. A prediction that the answer calls cancelled may still continue, so it is read once
        more.
        """
        path = self._link(task, "cancel") or f"{_path(task)}/cancel"
        try:
            noted = self.read(path, lambda answer: _is_cancelled(answer, task), method="POST")
        except Refused:
            return False
        return noted and self._is_gone(task)

    def _is_gone(self, task: TaskRef) -> bool:
        try:
            self.poll(task)
        except ProviderError as error:
            return isinstance(error, TaskCancelled)
        return False

    def probe(self) -> str:
        """GET /account; what it says about the account's owner is not read."""
        return self.read("/account", _accepted_key)

    @classmethod
    def concern_of(cls, error: ProviderError) -> Concern:
        """A 403 is never about content, which fails an accepted prediction ("Error codes")."""
        return never_content(super().concern_of(error))

    def read_fault(self, answer: Answer) -> Fault:
        """Read RFC 7807; the names of a 422's invalid fields replace text that may echo values."""
        problem = answer.json()
        detail = str(problem.get("detail") or "")
        resets = RESETS_IN.search(detail)
        fields = ", ".join(_wrong_fields(problem.get("invalid_fields")))
        message = f"{problem.get('title') or 'Invalid fields'}: {fields}" if fields else detail
        return Fault(
            # This text may repeat a wrong key.
            message=message,
            retry_after=float(resets[1]) if resets else None,
            # RFC 7807 makes these members optional; Replicate's own description requires them.
            own=type(problem.get("status")) is int and has_texts(problem, "title", "detail"),
        )

    def read_webhook(self, call: WebhookCall, *, now: float) -> WebhookNews:
        """Like `ImageProvider.read_webhook`; may read the signing secret from Replicate first."""
        check_call(call, self._signing, now=now)
        return super().read_webhook(call, now=now)

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        """The body is the prediction; `webhook-id` stays the same when a call is repeated."""
        return WebhookNews(task_id=json_of(call)["id"], event_id=call.headers["webhook-id"])

    def _read_secret(self) -> str:
        return self.read(
            "/webhooks/default/secret", lambda answer: required_text(answer.json()["key"])
        )

    def _link(self, task: TaskRef, name: str) -> str:
        """The provider's own link for `task`; empty if it is not on the host of `base_url`."""
        link = task.urls.get(name, "")
        return link if is_same_origin(link, self.base_url) else ""


def _input(request: GenerationRequest) -> dict[str, Any]:
    """The model's input. Options that are not set are left out, because null is refused."""
    fields: dict[str, Any] = {"prompt": request.prompt, "size": request.resolution}
    if request.resolution == CUSTOM:
        fields |= {"size": "custom", "width": request.width, "height": request.height}
    elif request.aspect_ratio == AS_REFERENCE:
        fields["aspect_ratio"] = "match_input_image"
    elif request.aspect_ratio:
        fields["aspect_ratio"] = request.aspect_ratio
    if request.sequential:
        fields |= {"sequential_image_generation": "auto", "max_images": request.num_images}
    else:
        fields["sequential_image_generation"] = "disabled"
    if request.references:
        fields["image_input"] = [reference.link for reference in request.references]
    return fields


def _path(task: TaskRef) -> str:
    return f"/predictions/{quote(task.task_id, safe='')}"


def _prediction(answer: Answer, task: TaskRef) -> dict[str, Any]:
    prediction: dict[str, Any] = answer.json()
    if prediction["id"] != task.task_id:
        raise ValueError("The answer is about another prediction.")
    return prediction


def _is_cancelled(answer: Answer, task: TaskRef) -> bool:
    return bool(_prediction(answer, task)["status"] == "canceled")


def _accepted_key(answer: Answer) -> str:
    required_text(answer.json()["type"])
    return "the key is accepted"


def _result(prediction: Mapping[str, Any], answer: Answer) -> Result:
    output = prediction["output"]
    # The model's page says an array of links. Models that make one image return the bare link.
    links = [output] if _is_text(output) else output
    if not isinstance(links, list) or not links:
        raise ValueError("A prediction that succeeded has no images.")
    expires_at = after_iso(prediction.get("completed_at"), LINK_LIFE)
    facts = _facts(prediction)
    return Result(
        images=tuple(linked_image(link, expires_at) for link in links),
        model=facts.get("model", ""),
        request_id=answer.request_id,
        raw=facts,
    )


def _task_failed(prediction: Mapping[str, Any], answer: Answer) -> TaskFailed:
    text = prediction.get("error")
    text = text if isinstance(text, str) else ""
    raw_code = _fail_code(text)
    code = FAIL_CODES.get(raw_code) or code_told(None, raw_code, text)
    return _failed(answer, raw_code=raw_code, code=code, message=text)


def _failed(
    answer: Answer, *, raw_code: str, code: Code | None = None, message: str = ""
) -> TaskFailed:
    return TaskFailed(
        short(message), code=code, raw_code=short(raw_code), request_id=answer.request_id
    )


def _fail_code(text: str) -> str:
    """The code in the text of a failed prediction; never the text, which may echo the prompt."""
    if text.startswith(INVALID_INPUT):
        return INVALID_INPUT
    if found := re.search(r"\bE\d{3,4}\b", text):
        return found[0]
    if FLAGGED in text:
        return FLAGGED
    # A text of one word is a code that the page does not name yet.
    return text if re.fullmatch(r"[A-Za-z]\w{0,60}", text, re.ASCII) else "failed"


def _wrong_fields(invalid_fields: object) -> Iterator[str]:
    """The names of the fields that a 422 complains about, never their values."""
    for each in invalid_fields if isinstance(invalid_fields, list) else ():
        if isinstance(each, dict) and _is_text(each.get("field")):
            yield each["field"]


def _facts(prediction: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a prediction: neither links nor the prompt, which it repeats."""
    names = ("status", "model", "version", "created_at", "started_at", "completed_at")
    facts: dict[str, Any] = {
        name: short(prediction[name]) for name in names if _is_text(prediction.get(name))
    }
    metrics = prediction.get("metrics")
    numbers = metrics.items() if isinstance(metrics, dict) else ()
    return facts | {short(name): number for name, number in numbers if _is_count(number)}


def _is_count(value: object) -> bool:
    # Python reads 1e999 as infinity, which no database stores.
    return isinstance(value, int | float) and abs(value) < 1e12


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
