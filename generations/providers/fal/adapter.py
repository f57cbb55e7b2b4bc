"""fal: Seedream 4.5 through its queue, by task and poll or webhook.

Facts: fal's model page "Bytedance Seedream V4.5" and its pages "Inference API", "Queue", "Cancel a
request", "Webhooks", "Retries and Error Handling" and "FAQ" (fal.ai/docs, read in autumn 2026).

The text of the model page says "2048x2048 maximum"; its schema and its own example ("auto_4K")
allow up to 4096x4096. We follow the schema.
"""

import hashlib
from collections.abc import Collection
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from generations.providers.addresses import is_same_origin
from generations.providers.answers import (
    Answer,
    Fault,
    required_text,
    short,
    understood,
)
from generations.providers.base import json_of
from generations.providers.capabilities import (
    CUSTOM,
    Capabilities,
    CustomSize,
    Engine,
    NumberRange,
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
    Unavailable,
    WebhookForged,
)
from generations.providers.fal import answers as fal_answers
from generations.providers.fal.keys import JWKS_URL, SigningKeys
from generations.providers.http import HttpProvider
from generations.providers.proving import prove_key
from generations.providers.signatures import check_time
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

TIERS = ("2K", "4K", CUSTOM)
PRICE_USD = Decimal("0.04")
NO_SUCH_REQUEST = "00000000-0000-0000-0000-000000000000"
# What follows `/<owner>/<app>/requests/<id>` ("Queue").
ENDINGS = {"status": "/status", "response": "", "cancel": "/cancel"}
WEBHOOK_HEADERS = ("request-id", "user-id", "timestamp", "signature")

SEEDREAM_4_5 = Engine(
    name="fal/seedream-4-5",
    label="Seedream 4.5",
    model="fal-ai/bytedance/seedream/v4.5",
    capabilities=Capabilities(
        # The page names no limit. This is the limit that other providers of the model commonly set.
        prompt_limit=4000,
        max_images=10,
        images_per_request=6,
        images_per_sequence=6,
        max_images_and_references=15,
        sizes=SEEDREAM_4_5_SIZES,
        # "Width and height must be between 1920 and 4096, or total number of pixels must be between
        # 2560*1440 and 4096*4096". A size that meets the first half also meets the second, so only
        # the second is checked. The page has no other limit for the sides. These follow from the
        # pixels and from the ratio of 1/16 to 16 on the model's own page (ModelArk).
        custom_size=CustomSize(
            min_side=480, max_side=16_384, min_pixels=2560 * 1440, max_pixels=4096 * 4096
        ),
        max_references=10,
        reference_delivery=ReferenceDelivery.LINK,
        # The page says "integer" without limits. These limits fit every 32-bit integer.
        seed=NumberRange(0, 2**31 - 1),
        unproven=frozenset({"seed"}),
        can_cancel=True,
        webhook=True,
        # No page says how often to poll; fal's own client polls ten times a second.
        polls={tier: PollSchedule(first=10, interval=4) for tier in TIERS},
        # "approximately 60 seconds".
        typical_seconds=dict.fromkeys(TIERS, 60),
        # "Requests in the queue are never dropped", and new accounts run two at a time.
        deadline_seconds=1800,
    ),
    prices=tuple(SuggestedPrice(tier=tier, credits=4, cost_usd=PRICE_USD) for tier in TIERS),
)

# For what "Model Errors" and "Request Error Types" say is wrong: what to do about it.
PAGE_ADVICE = {
    "imagetoosmall": _("Use a larger image as the reference."),
    "imagetoolarge": _("Use a smaller image as the reference."),
    "filetoolarge": _("Use a smaller file as the reference."),
    "unsupportedimageformat": _("Use a JPEG or PNG image as the reference."),
    "nomediagenerated": _("Rewrite the prompt and try again."),
    "runnerschedulingfailure": _("Try again later."),
}


class FalProvider(HttpProvider):
    """fal's queue, https://queue.fal.run.

    No idempotency key is documented. `nothing_accepted` stays empty: "server errors are never
    charged" is about requests that ran, not about a submit that was answered with an error. An
    error in one of the two formats of the error pages is nevertheless a failure, because fal does
    not repeat a request that it has answered.

    Always sent as true, and not offered: `enable_safety_checker`, because the studio answers for
    what it makes. Not sent:

    - `sync_mode`: images would come as data in the answer, and fal would keep no history of them.
    - Sizes by name (`auto_2K`): a frame is shown in its format before its image arrives.
    - `x-fal-no-retry`: fal repeats queued work after 503, 504 and lost connections as the same
      request, and does not charge failed tries.
    - `X-Fal-Store-IO` and `X-Fal-Object-Lifecycle-Preference`: they shorten the time in which a
      result can be read.

    No page says how long links are valid.

    `X-Fal-Retryable` is kept in the message for admins and decides nothing. The table in `http.py`
    alone decides whether a submit is repeated, and fal itself has already repeated a task that
    ended.

    A 404 to a poll does not end a task, because a wrong base URL or key may give the same answer.
    """

    name = "fal"
    label = "fal"
    console = "https://fal.ai/dashboard"
    engines = (SEEDREAM_4_5,)
    page_advice = PAGE_ADVICE
    # fal's own clients read this header.
    request_id_header = "x-fal-request-id"

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        private_hosts: Collection[str] = (),
        user_agent: str = USER_AGENT,
        jwks_url: str = JWKS_URL,
    ) -> None:
        super().__init__(base_url, api_key, private_hosts=private_hosts, user_agent=user_agent)
        self._signing_keys = SigningKeys(jwks_url, private_hosts=self.private_hosts)

    def credentials(self) -> dict[str, str]:
        return {"Authorization": f"Key {self._api_key}"}

    def build_submit(self, request: GenerationRequest) -> Payload:
        engine = self.engine(request.engine)
        path = f"/{engine.model}/{'edit' if request.references else 'text-to-image'}"
        if request.webhook_url:
            path += f"?fal_webhook={quote(request.webhook_url, safe='')}"
        body = _input(request, engine.capabilities.size(request))
        return Payload.of_json(path, body)

    def parse_submit(self, answer: Answer) -> Accepted:
        reply = answer.json()
        links = {f"{name}_url": reply.get(f"{name}_url") for name in ENDINGS}
        facts = ("gateway_request_id", "queue_position")
        return Accepted(
            task_id=required_text(reply["request_id"]),
            urls={name: link for name, link in links.items() if isinstance(link, str)},
            request_id=answer.request_id,
            raw={name: short(reply[name]) for name in facts if name in reply},
        )

    def poll(self, task: TaskRef) -> InProgress | Result:
        """Read the status and, once it is COMPLETED, the result, which may be the model's error."""
        state = self._state(task)
        return state if isinstance(state, InProgress) else self._result(task, state)

    def cancel(self, task: TaskRef) -> bool:
        """ "If the request is in the queue, fal removes it"; one in progress is only notified.

        A task that is cancelled in progress may still be billed, and tasks were seen to continue
        after an OK. So only the status proves that no image will come.
        """
        try:
            removed = self.read(self._link(task, "cancel"), fal_answers.is_removed, method="PUT")
        except Refused as error:
            # This is also the answer for a request that has ended or that fal does not know.
            if error.raw_code == fal_answers.ALREADY_COMPLETED or error.code == Code.NOT_FOUND:
                return False
            raise
        return self._is_gone(task, removed=removed)

    def probe(self) -> str:
        """Read the status of a request that never existed, with the key and with a made-up one.

        "401: authentication failed" is for unknown keys ("Request Error Types"). No page says
        whether the key is checked before the request, so both answers are compared.
        """
        task = TaskRef(task_id=NO_SUCH_REQUEST, model=SEEDREAM_4_5.model)
        path = self._link(task, "status")
        answer = self.ask(path)
        if not answer.ok and answer.status != HTTPStatus.NOT_FOUND:
            raise self.failure(answer, unsure=Unavailable)
        return prove_key(self, answer, lambda adapter: adapter.ask(path))

    def read_webhook(self, call: WebhookCall, *, now: float) -> WebhookNews:
        """Verify Ed25519 over three headers and the digest of the body ("Webhooks").

        If the keys can't be fetched, the call is refused; polls bring the same news.
        """
        request_id, user_id, timestamp, signature = (
            call.headers.get(f"x-fal-webhook-{name}", "") for name in WEBHOOK_HEADERS
        )
        check_time(timestamp, now)
        digest = hashlib.sha256(call.body).hexdigest()
        message = "\n".join((request_id, user_id, timestamp, digest)).encode()
        self._signing_keys.check(message, _from_hex(signature), now=now)
        news = super().read_webhook(call, now=now)
        if news.task_id != request_id:
            raise WebhookForged("The header and the body name different requests.")
        return news

    def webhook_news(self, call: WebhookCall) -> WebhookNews:
        body = json_of(call)
        facts = (body["request_id"], body.get("gateway_request_id"), body.get("status"))
        return WebhookNews(task_id=body["request_id"], event_id=":".join(map(str, facts)))

    @classmethod
    def concern_of(cls, error: ProviderError) -> Concern:
        """A 403 is never about content: "Model Errors" gives content a 422 and a type."""
        return never_content(super().concern_of(error))

    def read_fault(self, answer: Answer) -> Fault:
        return fal_answers.fault(answer)

    def _link(self, task: TaskRef, name: str) -> str:
        """fal's own link for `task`, or one built from owner and app, as "Queue" describes it.

        The built one is for tasks that are known only from a webhook, and for links to a host other
        than that of `base_url` (fal has a second one), because the key is only for that host.
        """
        given = task.urls.get(f"{name}_url", "")
        if is_same_origin(given, self.base_url):
            return given
        owner_and_app = "/".join(task.model.split("/")[:2])
        return f"/{owner_and_app}/requests/{quote(task.task_id, safe='')}{ENDINGS[name]}"

    def _result(self, task: TaskRef, ended: fal_answers.Ended) -> Result:
        answer = self.ask(self._link(task, "response"))
        return self.kept_with(answer, partial(self._read_result, ended=ended))

    def _read_result(self, answer: Answer, *, ended: fal_answers.Ended) -> Result:
        if not answer.ok:
            trouble = self.failure(answer, unsure=Unavailable)
            raise fal_answers.failure_of_task(trouble, answer, ended)
        unreadable = Unavailable(code=Code.BAD_RESPONSE)
        return understood(lambda each: fal_answers.result(each, ended), answer, unreadable)

    def _is_gone(self, task: TaskRef, *, removed: bool) -> bool:
        """Whether the status proves the end: cancelled, or unknown after fal `removed` the task.

        In doubt the task has not ended, and polls continue.
        """
        try:
            self._state(task)
        except TaskCancelled:
            return True
        except ProviderError as error:
            return removed and error.code == Code.NOT_FOUND
        return False

    def _state(self, task: TaskRef) -> InProgress | fal_answers.Ended:
        path = self._link(task, "status")
        return self.read(path, lambda answer: fal_answers.state(answer, task))


def _input(request: GenerationRequest, size: tuple[int, int]) -> dict[str, Any]:
    """`num_images` are separate images; `max_images` above 1 asks for one set of at most that many.

    fal silently uses only the last ten references; `validation` refuses more than ten.
    """
    width, height = size
    fields: dict[str, Any] = {
        "prompt": request.prompt,
        "image_size": {"width": width, "height": height},
        "num_images": 1 if request.sequential else request.num_images,
        "max_images": request.num_images if request.sequential else 1,
        "enable_safety_checker": True,
    }
    if request.references:
        fields["image_urls"] = [reference.link for reference in request.references]
    if request.seed is not None:
        fields["seed"] = request.seed
    return fields


def _from_hex(signature: str) -> bytes:
    try:
        return bytes.fromhex(signature)
    except ValueError:
        raise WebhookForged("The signature is missing or wrong.") from None
