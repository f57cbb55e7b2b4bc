"""fal: Seedream 4.5 through its queue, by task and poll or webhook.

Facts: fal's model page "Bytedance Seedream V4.5" and its pages "Inference API", "Queue", "Cancel a
request", "Webhooks", "Retries and Error Handling" and "FAQ" (fal.ai/docs, read in autumn 2026).

The prose of the model page says "2048x2048 maximum", its schema and its own example ("auto_4K")
say up to 4096x4096: the schema is followed.
"""

import hashlib
import json
from collections.abc import Collection
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from generations.providers.addresses import origin
from generations.providers.answers import (
    Answer,
    Fault,
    required_text,
    understood,
)
from generations.providers.base import json_of
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
from generations.providers.signatures import check_time
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.transport import USER_AGENT
from generations.providers.types import (
    CUSTOM,
    Accepted,
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

TIERS = ("2K", "4K", CUSTOM)
PRICE_USD = Decimal("0.04")
NO_SUCH_REQUEST = "00000000-0000-0000-0000-000000000000"
# What follows owner/app/requests/<id> ("Queue").
ENDINGS = {"status": "/status", "response": "", "cancel": "/cancel"}
WEBHOOK_HEADERS = ("request-id", "user-id", "timestamp", "signature")

SEEDREAM_4_5 = Engine(
    name="fal/seedream-4-5",
    label="Seedream 4.5",
    model="fal-ai/bytedance/seedream/v4.5",
    capabilities=Capabilities(
        # The page names no limit; this is what other gateways to the model commonly set.
        prompt_limit=4000,
        max_images=10,
        images_per_request=6,
        images_per_sequence=6,
        max_pictures=15,
        sizes=SEEDREAM_4_5_SIZES,
        # "Width and height must be between 1920 and 4096, or total number of pixels must be
        # between 2560*1440 and 4096*4096": within these sides both halves of the rule hold, so
        # they are allowed however it is read. The table above relies on the second half.
        custom_size=CustomSize(min_side=1920, max_side=4096),
        max_references=10,
        reference_delivery=ReferenceDelivery.LINK,
        # The page gives an integer without limits; these are what any 32-bit integer takes.
        seed=NumberRange(0, 2**31 - 1),
        unproven=frozenset({"seed"}),
        can_cancel=True,
        webhook=True,
        # No page prescribes a pace; fal's own client asks ten times a second.
        polls={tier: PollSchedule(first=10, interval=4) for tier in TIERS},
        # "approximately 60 seconds".
        typical_seconds=dict.fromkeys(TIERS, 60),
        # "Requests in the queue are never dropped", and new accounts run two at a time.
        deadline_seconds=1800,
    ),
    prices=tuple(SuggestedPrice(tier=tier, credits=4, cost_usd=PRICE_USD) for tier in TIERS),
)

# What the error pages say is wrong, turned into what to do.
PAGE_ADVICE = {
    "imagetoosmall": _("Use a larger picture as the reference."),
    "imagetoolarge": _("Use a smaller picture as the reference."),
    "filetoolarge": _("Use a smaller file as the reference."),
    "unsupportedimageformat": _("Use a JPEG or PNG picture as the reference."),
    "nomediagenerated": _("Rewrite the prompt and try again."),
    "runnerschedulingfailure": _("Try again later."),
}


class FalProvider(HttpProvider):
    """fal's queue, https://queue.fal.run.

    No idempotency is documented. `nothing_accepted` stays empty: "server errors are never charged"
    is about requests that ran, not about a submit whose answer was an error.

    `enable_safety_checker` is always sent as true and not offered: the studio answers for what it
    makes. `sync_mode` is not sent, as pictures would come as data in the answer and stay in no
    history; nor are sizes by name (`auto_2K`), as a frame stands before its picture comes.
    `x-fal-no-retry` is not sent: fal repeats queued work after 503, 504 and lost connections under
    the same request and charges for none of the failed tries. `X-Fal-Store-IO` and
    `X-Fal-Object-Lifecycle-Preference` are not sent either: they shorten the time in which a
    result can be read. How long links live is not documented.

    `X-Fal-Retryable` goes into the message for admins and decides nothing: a submit is repeated by
    the table of `http.py` alone, and fal itself has repeated a task that has ended.

    A 404 to a poll does not end a task: a wrong base URL or key may give the same answer.
    """

    name = "fal"
    label = "fal"
    engines = (SEEDREAM_4_5,)
    page_advice = PAGE_ADVICE
    # As fal's own clients read it.
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
        return Payload(path, json.dumps(body, ensure_ascii=False, sort_keys=True).encode())

    def parse_submit(self, answer: Answer) -> Accepted:
        reply = answer.json()
        links = {f"{name}_url": reply.get(f"{name}_url") for name in ENDINGS}
        facts = ("gateway_request_id", "queue_position")
        return Accepted(
            task_id=required_text(reply["request_id"]),
            urls={name: link for name, link in links.items() if isinstance(link, str)},
            request_id=answer.request_id,
            raw={name: reply[name] for name in facts if name in reply},
        )

    def poll(self, task: TaskRef) -> InProgress | Result:
        """The status, and once it is COMPLETED the result, which may be the model's error."""
        state = self._state(task)
        return state if isinstance(state, InProgress) else self._result(task, state)

    def cancel(self, task: TaskRef) -> bool:
        """ "If the request is in the queue, fal removes it" (OK); in progress it is only told.

        What is cancelled in progress may be billed all the same.
        """
        try:
            removed = self.read(self._link(task, "cancel"), fal_answers.is_removed, method="PUT")
        except Refused as error:
            # Also where it has ended already or where nobody knows it.
            if error.raw_code == fal_answers.ALREADY_COMPLETED or error.code == Code.NOT_FOUND:
                return False
            raise
        return removed or self._is_gone(task)

    def probe(self) -> str:
        """Asks for a request that was never made: 404 for a key that works, 401 for another.

        No page says in words which comes first; nothing else that is free is on this host.
        """
        task = TaskRef(task_id=NO_SUCH_REQUEST, model=SEEDREAM_4_5.model)
        try:
            self.read(self._link(task, "status"), Answer.json)
        except Refused as error:
            if error.code != Code.NOT_FOUND:
                raise
        return "the queue answered and did not refuse the key"

    def read_webhook(self, call: WebhookCall, *, now: float) -> WebhookNews:
        """Proven by Ed25519 over three headers and the digest of the body ("Webhooks").

        A call whose keys can't be fetched is not believed; polls tell all the same.
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

    def read_fault(self, answer: Answer) -> Fault:
        return fal_answers.fault(answer)

    def _link(self, task: TaskRef, name: str) -> str:
        """fal's own link for `task`, or one under owner and app alone, as "Queue" describes them.

        The latter for tasks known from a webhook, and where fal's link leads to another host (it
        has a second one) than the one that the key is for.
        """
        given = task.urls.get(f"{name}_url", "")
        if _is_same_host(given, self.base_url):
            return given
        owner_and_app = "/".join(task.model.split("/")[:2])
        return f"/{owner_and_app}/requests/{quote(task.task_id, safe='')}{ENDINGS[name]}"

    def _result(self, task: TaskRef, ended: fal_answers.Ended) -> Result:
        answer = self.ask(self._link(task, "response"))
        if not answer.ok:
            trouble = self.failure(answer, unsure=Unavailable)
            raise fal_answers.failure_of_task(trouble, answer, ended)
        unreadable = Unavailable(code=Code.BAD_RESPONSE)
        return understood(lambda each: fal_answers.result(each, ended), answer, unreadable)

    def _is_gone(self, task: TaskRef) -> bool:
        """Whether the status shows that a cancel which fal has noted has been carried out."""
        try:
            self._state(task)
        except ProviderError as error:
            return isinstance(error, TaskCancelled) or error.code == Code.NOT_FOUND
        return False

    def _state(self, task: TaskRef) -> InProgress | fal_answers.Ended:
        path = self._link(task, "status")
        return self.read(path, lambda answer: fal_answers.state(answer, task))


def _input(request: GenerationRequest, size: tuple[int, int]) -> dict[str, Any]:
    """`num_images` are separate pictures, `max_images` above 1 asks for one set of up to so many.

    fal keeps the last ten references in silence; more are refused before they get here.
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


def _is_same_host(link: str, base_url: str) -> bool:
    try:
        return origin(link) == origin(base_url)
    except ValueError:
        return False


def _from_hex(signature: str) -> bytes:
    try:
        return bytes.fromhex(signature)
    except ValueError:
        raise WebhookForged("The signature is missing or wrong.") from None
