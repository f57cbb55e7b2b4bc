"""BytePlus ModelArk, and Volcengine Ark by base URL: Seedream in one call, sets as a stream.

Facts: "Image generation API" (docs.byteplus.com/en/docs/ModelArk/1541523, the same as
volcengine.com/docs/82379/1541523) and "Error codes" (ModelArk/1299023), read in autumn 2026.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from generations.providers.answers import Answer, Fault, fault_in
from generations.providers.base import OnImage
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
)
from generations.providers.http import HttpProvider
from generations.providers.modelark.answers import (
    Delivery,
    PictureStream,
    is_stream,
    plain,
    streamed,
)
from generations.providers.modelark.engines import (
    ENGINES,
    SEEDREAM_5_0_PRO,
    cost_usd,
    engines_at,
    is_volcengine,
    model_at,
    pro_tier,
    region_of,
)
from generations.providers.modelark.errors import PAGE_ADVICE, fault_of, request_id_in
from generations.providers.types import (
    Engine,
    GenerationRequest,
    Payload,
    ReferenceInput,
    Result,
)

PATH = "/images/generations"
# What an order without a prompt is answered with, once the key and the model are accepted.
ABOUT_THE_ORDER = ("MissingParameter", "InvalidParameter")


class ModelArkProvider(HttpProvider):
    """ModelArk, https://ark.ap-southeast.bytepluses.com/api/v3; other regions by base URL.

    A key is of one platform and region, and answers 401 elsewhere. Neither webhook, polling,
    cancelling, an idempotency key nor a balance is documented for images, so an answer that is lost
    leaves the outcome unknown.
    """

    name = "modelark"
    label = "ModelArk"
    engines = ENGINES
    # Each call holds a worker's thread until its pictures are made.
    default_concurrency = 8
    page_advice = PAGE_ADVICE

    def region(self) -> str:
        return region_of(self.base_url)

    @classmethod
    def engines_at(cls, base_url: str) -> Sequence[Engine]:
        return engines_at(base_url)

    @classmethod
    def tier(cls, request: GenerationRequest) -> str:
        """5.0 Pro costs by pixels, the others the same at every size."""
        if request.engine != SEEDREAM_5_0_PRO.name:
            return request.resolution
        try:
            width, height = SEEDREAM_5_0_PRO.capabilities.size(request)
        except KeyError:
            return request.resolution
        return pro_tier(width * height)

    def build_submit(self, request: GenerationRequest) -> Payload:
        engine = self.engine(request.engine)
        width, height = engine.capabilities.size(request)
        body: dict[str, Any] = {
            "model": model_at(self.base_url, engine.model),
            "prompt": request.prompt,
            "size": f"{width}x{height}",
            "response_format": "url",
            # On by default: a visible "AI generated" in the corner.
            "watermark": False,
        }
        # 5.0 Pro answers 400 to the fields of sets and streams ("not supported by the model").
        if engine.capabilities.sequential:
            body |= _set_fields(request)
        if request.references:
            body["image"] = _images(request.references)
        if request.output_format:
            body["output_format"] = request.output_format
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
        return Payload(path=PATH, body=text.encode())

    def watcher(self, on_image: OnImage) -> Callable[[bytes], None]:
        stream = PictureStream()

        def watch(piece: bytes) -> None:
            for index, image in stream.feed(piece):
                on_image(index, image)

        return watch

    def parse_submit(self, answer: Answer) -> Result:
        """A stream that broke off gives what it brought; `watcher` told the same indexes."""
        delivery = streamed(answer.body) if is_stream(answer.body) else plain(answer.json())
        if not delivery.has_pictures:
            raise delivery.failure(answer)
        return Result(
            images=delivery.images,
            model=delivery.model,
            cost_usd=self._cost_usd(delivery),
            request_id=answer.request_id,
            raw=_facts(delivery),
        )

    def _cost_usd(self, delivery: Delivery) -> Decimal | None:
        """From the pictures billed; None for Volcengine, which bills in yuan."""
        billed = delivery.usage.get("generated_images")
        if billed is None or is_volcengine(self.base_url):
            return None
        width, height = delivery.size
        references = delivery.usage.get("input_images", 0)
        return cost_usd(delivery.model, billed, width * height, references)

    def read_fault(self, answer: Answer) -> Fault:
        return fault_of(answer.json()["error"])

    def failure(
        self,
        answer: Answer,
        *,
        status: int | None = None,
        unsure: type[ProviderError] = OutcomeUnknown,
    ) -> ProviderError:
        """With the request's id from the text of the message, where no header has it."""
        error = super().failure(answer, status=status, unsure=unsure)
        if not error.request_id:
            error.request_id = request_id_in(fault_in(answer, self.read_fault).message)
        return error

    def probe(self) -> str:
        """Which models the key may use: each is asked for without a prompt, which is refused.

        Raises `Refused` with `Code.NOT_FOUND` where not one of them is activated.
        """
        refusals = {engine.label: self._refusal(engine) for engine in engines_at(self.base_url)}
        usable = [label for label, refusal in refusals.items() if not refusal]
        closed = {label: refusal for label, refusal in refusals.items() if refusal}
        if not usable:
            raise next(iter(closed.values()))
        missing = ", ".join(f"{label} ({refusal})" for label, refusal in closed.items())
        return f"accepted for {', '.join(usable)}" + (f"; not for {missing}" if missing else "")

    def _refusal(self, engine: Engine) -> Refused | None:
        """Why the key may not use `engine`'s model; None where it may."""
        order = json.dumps({"model": engine.model}).encode()
        answer = self.ask(PATH, method="POST", content=order)
        if answer.ok:
            raise Unavailable(code=Code.BAD_RESPONSE, raw_code="took an order without prompt")
        error = self.failure(answer, unsure=Unavailable)
        if error.raw_code.partition(".")[0] in ABOUT_THE_ORDER:
            return None
        if isinstance(error, Refused) and error.code == Code.NOT_FOUND:
            return error
        raise error


def _set_fields(request: GenerationRequest) -> dict[str, Any]:
    if not request.sequential:
        return {"sequential_image_generation": "disabled"}
    return {
        "sequential_image_generation": "auto",
        # Its default is 15, and every picture is billed.
        "sequential_image_generation_options": {"max_images": request.num_images},
        "stream": True,
    }


def _images(references: Sequence[ReferenceInput]) -> str | list[str]:
    """One picture as a text, several as a list, as the page has it."""
    uris = [_data_uri(reference) for reference in references]
    return uris[0] if len(uris) == 1 else uris


def _data_uri(reference: ReferenceInput) -> str:
    # Only lower case is accepted: image/PNG is refused.
    return f"data:{reference.mime_type.lower()};base64,{b64encode(reference.data).decode()}"


def _facts(delivery: Delivery) -> Mapping[str, Any]:
    width, height = delivery.size
    size = {"size": f"{width}x{height}"} if width else {}
    return {"usage": dict(delivery.usage)} | size
