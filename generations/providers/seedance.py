"""Seedance.it: Seedream 4.5, 3 and 5 Lite, answered in the same call.

Facts: its guide "Seedream v4.5 API: Integrate AI Images into Your App" (seedance.it.com, read in
autumn 2026). We found no other page of this API, and many services with a similar name belong to
other companies. Where the guide leaves something open, we set careful limits, and each says so
below.

Not offered, because the guide documents no request for it: `seedream-5-edit` (no field takes its
image to edit), references for the other models, webhooks ("if supported"), cancelling, and asking
for a list or a balance. The guide's summary mentions "resolution" and "aspect ratio" as parameters;
its reference has only width and height. `seedance-2` makes video, at another address.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from generations.providers.answers import (
    Answer,
    Fault,
    after_seconds,
    has_texts,
    plain_code,
    text,
)
from generations.providers.capabilities import (
    CUSTOM,
    Capabilities,
    CustomSize,
    Engine,
    NumberRange,
    SuggestedPrice,
)
from generations.providers.errors import Code, Refused, Unavailable
from generations.providers.http import HttpProvider
from generations.providers.proving import prove_key
from generations.providers.types import (
    GenerationRequest,
    ImageError,
    Payload,
    ProviderBalance,
    RemoteImage,
    Result,
    ResultImage,
)

PATH = "/v1/images/generate"
# "Image URLs are valid for 24 hours."
LINK_LIFE = timedelta(hours=24)
# "8 credits (~$0.08)"
USD_PER_CREDIT = Decimal("0.01")
# Larger numbers are neither credits nor a seed, and no column can store them.
MOST_CREDITS = 10**9 - 1
MOST_SEED = 2**63 - 1

TIER = "2K"
# "Supported Resolutions". The guide names no tier; all sizes are of the class that others call 2K.
# Most have fewer than the 3,686,400 pixels that the model's maker requires of Seedream 4.5, so the
# provider probably scales. We therefore ignore the width and height in the answer and measure the
# file.
SIZES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    TIER: {
        "1:1": (2048, 2048),
        "16:9": (2048, 1152),
        "9:16": (1152, 2048),
        "3:2": (2048, 1365),
        "2:3": (1365, 2048),
        "4:3": (2048, 1536),
        "3:4": (1536, 2048),
    }
}
# "Up to 4 megapixels", which must include 2048 x 2048; the guide gives no other limit. The limits
# of the sides are ours: no longer than the longest in the guide, and not too short for a model to
# draw on.
ANY_SIZE = CustomSize(min_side=256, max_side=2048, max_pixels=4_194_304, max_ratio=8)


def _engine(
    name: str, label: str, model: str, *, usd_cents: int, typical_seconds: Mapping[str, float]
) -> Engine:
    """One model: "multiple Seedance models through the same API by changing the model parameter".

    So we assume that all have the parameters and sizes that the guide gives for `seedream-v4-5`.
    """
    capabilities = Capabilities(
        # The guide gives none; this is the lowest that any provider's page gives for Seedream 4.5.
        prompt_limit=2000,
        max_images=10,
        images_per_request=6,
        sizes=SIZES,
        custom_size=ANY_SIZE,
        negative_prompt=True,
        # The guide says only "integer"; these limits fit every language's integer.
        seed=NumberRange(0, 2**31 - 1),
        # The default is the guide's. It gives no range; this one is ours.
        guidance_scale=NumberRange(1, 20, step=0.5, default=7.5),
        # The provider accepts them, but the guide says only of the seed that these models use it.
        unproven=frozenset({"guidance_scale", "negative_prompt"}),
        answers_at_once=True,
        # "deterministic given the same prompt and seed"
        deterministic_by_seed=True,
        typical_seconds=typical_seconds,
        # "5-15 seconds". The guide does not say how long a request may wait under load.
        submit_timeout_seconds=120,
        link_life_seconds=LINK_LIFE.total_seconds(),
    )
    cost_usd = usd_cents * USD_PER_CREDIT
    prices = tuple(SuggestedPrice(tier, usd_cents, cost_usd) for tier in (TIER, CUSTOM))
    return Engine(f"seedance/{name}", label, model, capabilities, prices)


# The middle of "5-15 seconds for Seedream v4.5"; the guide gives no time for the others.
SEEDREAM_4_5 = _engine(
    "seedream-4-5",
    "Seedream 4.5",
    "seedream-v4-5",
    usd_cents=8,
    typical_seconds={TIER: 10, CUSTOM: 10},
)
SEEDREAM_3 = _engine("seedream-3", "Seedream 3", "seedream-v3", usd_cents=6, typical_seconds={})
SEEDREAM_5_LITE = _engine(
    "seedream-5-lite", "Seedream 5 Lite", "seedream-5-lite", usd_cents=7, typical_seconds={}
)

BUY_CREDITS = _(
    "Ask an admin to buy credits on the provider's pricing page. Another engine may work meanwhile."
)
# "Action" of the guide's "Error Handling", where it says more than our own advice for the code.
PAGE_ADVICE = {
    "insufficientcredits": BUY_CREDITS,
    "402": BUY_CREDITS,
    "401": _(
        "Ask an admin to check the studio's key, and to make a new one if it was revoked. Another "
        "engine may work meanwhile."
    ),
}

# Refused for three reasons, each of which is enough: the model and the prompt are required, and the
# number of images is too small.
NOTHING = b'{"num_images": 0}'


class SeedanceProvider(HttpProvider):
    """Seedance.it, https://api.seedance.it.com.

    No idempotency key is documented, so a lost answer leaves the outcome unknown.

    `nothing_accepted` stays empty: "Retry with exponential backoff" for a 500 does not say that
    nothing was made, so a 500 in the guide's own format is a failure that may be billed. The
    promise "a 402 error before generation starts. Partial charges never occur" is about credits
    that run out, and applies to its code at any status. "Seedance has content policies", but no
    code or status is documented for them, so `refusals` reads the text. They are said to be
    "wasting credits", so such a refusal may have been charged; no documented answer tells.
    """

    name = "seedance"
    label = "Seedance.it"
    console = "https://seedance.it.com/"
    engines = (SEEDREAM_4_5, SEEDREAM_3, SEEDREAM_5_LITE)
    page_advice = PAGE_ADVICE

    def build_submit(self, request: GenerationRequest) -> Payload:
        engine = self.engine(request.engine)
        # Always sent: without them the provider makes 1024 x 1024.
        width, height = engine.capabilities.size(request)
        body = {
            "model": engine.model,
            "prompt": request.prompt,
            "width": width,
            "height": height,
            "num_images": request.num_images,
        } | _options(request)
        return Payload.of_json(PATH, body)

    def parse_submit(self, answer: Answer) -> Result:
        """ "Response Format"; it may contain fewer images than were requested."""
        reply = answer.json()
        items = reply["images"]
        if not isinstance(items, list):
            raise ValueError("The images are no list.")
        expires_at = after_seconds(reply.get("created"), LINK_LIFE)
        images = tuple(_image(item, expires_at) for item in items)
        if not any(isinstance(image, RemoteImage) for image in images):
            raise ValueError("The answer brings no image.")
        seeds = [_seed(item) for item in items]
        credits_used = _credits(reply.get("credits_used"))
        return Result(
            images=images,
            model=text(reply.get("model")),
            cost_usd=None if credits_used is None else credits_used * USD_PER_CREDIT,
            # The guide names no header for it; this is the provider's name for the generation.
            request_id=text(reply.get("id")) or answer.request_id,
            seed=seeds[0],
            raw=_facts(reply) | {"seeds": seeds},
            balance=_balance(reply.get("credits_remaining")),
        )

    def read_fault(self, answer: Answer) -> Fault:
        error = answer.json()["error"]
        raw_code, message = text(error.get("code")), text(error.get("message"))
        lacks_credits = plain_code(raw_code) == "insufficientcredits"
        return Fault(
            code=Code.INSUFFICIENT_BALANCE if lacks_credits else None,
            raw_code=raw_code,
            message=f"{_figures(error)} {message}".strip(),
            error=Refused if lacks_credits else None,
            balance=_balance(error.get("credits_available")),
            own=has_texts(error, "code", "message"),
        )

    def probe(self) -> str:
        """Request nothing: 401 for a wrong key, 400 ("Invalid request") for a right one.

        The guide documents no call for the balance or the account.
        """
        answer = self.ask(PATH, method="POST", content=NOTHING)
        if answer.ok:
            # This proves nothing about the key.
            raise Refused(code=Code.MISDIRECTED, raw_code="success without a prompt")
        if answer.status != 400:
            raise self.failure(answer, unsure=Unavailable)
        return prove_key(
            self, answer, lambda adapter: adapter.ask(PATH, method="POST", content=NOTHING)
        )


def _options(request: GenerationRequest) -> dict[str, Any]:
    options = {
        "guidance_scale": request.guidance_scale,
        "negative_prompt": request.negative_prompt or None,
        "seed": request.seed,
    }
    return {name: value for name, value in options.items() if value is not None}


def _image(item: object, expires_at: datetime | None) -> ResultImage:
    url = item.get("url") if isinstance(item, dict) else None
    if isinstance(url, str) and url.startswith(("https://", "http://")):
        return RemoteImage(url=url, expires_at=expires_at)
    return ImageError(code=Code.BAD_RESPONSE, raw_code="not a link")


def _seed(item: object) -> int | None:
    seed = item.get("seed") if isinstance(item, dict) else None
    return seed if type(seed) is int and 0 <= seed <= MOST_SEED else None


def _facts(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of the answer; invalid ones are left out."""
    names = ("created", "credits_used", "credits_remaining")
    return {name: reply[name] for name in names if type(reply.get(name)) in (int, float)}


def _credits(value: object) -> Decimal | None:
    """`value` as credits; None if it is no valid number, because no image may be lost over it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Decimal(str(value)) if 0 <= value <= MOST_CREDITS else None


def _balance(value: object) -> ProviderBalance | None:
    left = _credits(value)
    return None if left is None else ProviderBalance(amount=left, unit="credits")


def _figures(error: Mapping[str, Any]) -> str:
    """What a 402 says about credits, to go before the message, which may be cut; or empty."""
    required = _credits(error.get("credits_required"))
    available = _credits(error.get("credits_available"))
    if required is None or available is None:
        return ""
    return f"{required} credits required, {available} available."
