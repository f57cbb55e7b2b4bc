"""BytePlus ModelArk, and Volcengine Ark by base URL: Seedream in one call, sets as a stream.

Facts: "Image generation API" (docs.byteplus.com/en/docs/ModelArk/1541523, the same text as
volcengine.com/docs/82379/1541523) and "Error codes" (ModelArk/1299023), read in autumn 2026.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from generations.providers.answers import Answer, Fault, fault_in
from generations.providers.base import OnImage
from generations.providers.capabilities import Engine
from generations.providers.concerns import Concern
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
)
from generations.providers.http import HttpProvider
from generations.providers.modelark.answers import (
    Contents,
    ImageStream,
    is_stream,
    plain,
    streamed,
)
from generations.providers.modelark.engines import (
    ENGINES,
    SEEDREAM_5_0_PRO,
    checked_endpoints,
    cost_usd,
    engines_at,
    is_volcengine,
    model_at,
    pro_tier,
    region_of,
)
from generations.providers.modelark.errors import (
    PAGE_ADVICE,
    concern_of,
    fault_of,
    request_id_in,
)
from generations.providers.transport import USER_AGENT
from generations.providers.types import GenerationRequest, Payload, ReferenceInput, Result

PATH = "/images/generations"
# How a request without a prompt is refused once the key and the model are accepted.
ABOUT_THE_ORDER = ("MissingParameter", "InvalidParameter")


class ModelArkProvider(HttpProvider):
    """ModelArk, https://ark.ap-southeast.bytepluses.com/api/v3; other regions by base URL.

    A key belongs to one platform and region; elsewhere the answer is 401. For images, no webhook,
    polling, cancelling, idempotency key or balance is documented, so a lost answer leaves the
    outcome unknown.
    """

    name = "modelark"
    label = "ModelArk"
    console = "https://console.byteplus.com/ark"
    engines = ENGINES
    # Each call holds a worker's thread until its images are made.
    default_concurrency = 8
    page_advice = PAGE_ADVICE

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        private_hosts: Collection[str] = (),
        user_agent: str = USER_AGENT,
        endpoints: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Take pairs of an engine's model and the id (`ep-…`) of the endpoint to use in its place.

        "model: model id or endpoint id" ("Image generation API"). Raises `Misconfigured`.
        """
        super().__init__(base_url, api_key, private_hosts=private_hosts, user_agent=user_agent)
        self._endpoints = checked_endpoints(endpoints)

    def _model(self, engine: Engine) -> str:
        """What a request calls `engine`: its endpoint if it has one, otherwise its model."""
        return self._endpoints.get(engine.name) or model_at(self.base_url, engine.model)

    def region(self) -> str:
        return region_of(self.base_url)

    @classmethod
    def engines_at(cls, base_url: str) -> Sequence[Engine]:
        return engines_at(base_url)

    @classmethod
    def tier(cls, request: GenerationRequest) -> str:
        """The price of 5.0 Pro depends on the pixels; the others cost the same at every size."""
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
            "model": self._model(engine),
            "prompt": request.prompt,
            "size": f"{width}x{height}",
            "response_format": "url",
            # The default is true: a visible "AI generated" in the corner.
            "watermark": False,
        }
        # 5.0 Pro answers 400 to the fields of sets and streams ("not supported by the model").
        if engine.capabilities.sequential:
            body |= _set_fields(request)
        if request.references:
            body["image"] = _images(request.references)
        if request.output_format:
            body["output_format"] = request.output_format
        return Payload.of_json(PATH, body)

    def watcher(self, on_image: OnImage) -> Callable[[bytes], None]:
        stream = ImageStream()

        def watch(piece: bytes) -> None:
            for index, image in stream.feed(piece):
                on_image(index, image)

        return watch

    def parse_submit(self, answer: Answer) -> Result:
        """Read the images; a stream that broke off gives those that arrived.

        Each has the index that `watcher` gave it.
        """
        contents = streamed(answer.body) if is_stream(answer.body) else plain(answer.json())
        if not contents.has_images:
            raise contents.failure(answer)
        return Result(
            images=contents.images,
            model=contents.model,
            cost_usd=self._cost_usd(contents),
            request_id=answer.request_id,
            raw=_facts(contents),
        )

    def _cost_usd(self, contents: Contents) -> Decimal | None:
        """The cost of the images billed; None for Volcengine, which bills in yuan."""
        billed = contents.usage.get("generated_images")
        if billed is None or is_volcengine(self.base_url):
            return None
        width, height = contents.size
        references = contents.usage.get("input_images", 0)
        # The answer may name the endpoint, which costs what its model costs.
        models = {self._endpoints[name]: self.engine(name).model for name in self._endpoints}
        model = models.get(contents.model, contents.model)
        return cost_usd(model, billed, width * height, references)

    @classmethod
    def concern_of(cls, error: ProviderError) -> Concern:
        return concern_of(error)

    def read_fault(self, answer: Answer) -> Fault:
        return fault_of(answer.json()["error"])

    def failure(
        self,
        answer: Answer,
        *,
        status: int | None = None,
        unsure: type[ProviderError] = OutcomeUnknown,
    ) -> ProviderError:
        """Also look for the request's id in the text of the message if no header has it."""
        error = super().failure(answer, status=status, unsure=unsure)
        if not error.request_id:
            error.request_id = request_id_in(fault_in(answer, self.read_fault).message)
        return error

    def probe(self) -> str:
        """Request each model without a prompt, which is refused, to learn which the key may use.

        Raises `Refused` with `Code.NOT_FOUND` if no model is activated.
        """
        refusals = {engine.label: self._refusal(engine) for engine in engines_at(self.base_url)}
        usable = [label for label, refusal in refusals.items() if not refusal]
        closed = {label: refusal for label, refusal in refusals.items() if refusal}
        if not usable:
            raise next(iter(closed.values()))
        missing = ", ".join(f"{label} ({refusal})" for label, refusal in closed.items())
        return f"accepted for {', '.join(usable)}" + (f"; not for {missing}" if missing else "")

    def _refusal(self, engine: Engine) -> Refused | None:
        """Why the key may not use the model of `engine`; None if it may."""
        order = json.dumps({"model": self._endpoints.get(engine.name, engine.model)}).encode()
        answer = self.ask(PATH, method="POST", content=order)
        if answer.ok:
            raise Unavailable(code=Code.BAD_RESPONSE, raw_code="accepted a request without prompt")
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
        # The default is 15, and every image is billed.
        "sequential_image_generation_options": {"max_images": request.num_images},
        "stream": True,
    }


def _images(references: Sequence[ReferenceInput]) -> str | list[str]:
    """One image as text, several as a list, as the page describes it."""
    uris = [_data_uri(reference) for reference in references]
    return uris[0] if len(uris) == 1 else uris


def _data_uri(reference: ReferenceInput) -> str:
    # Only lower case is accepted: image/PNG is refused.
    return f"data:{reference.mime_type.lower()};base64,{b64encode(reference.data).decode()}"


def _facts(contents: Contents) -> Mapping[str, Any]:
    width, height = contents.size
    size = {"size": f"{width}x{height}"} if width else {}
    return {"usage": dict(contents.usage)} | size
