"""From rows to the request that an adapter understands."""

import uuid

from django.conf import settings
from django.core import signing
from django.urls import reverse

from generations import storage
from generations.imaging import mime_type
from generations.models import Generation, Run, RunReference
from generations.providers import registry
from generations.providers.types import (
    GenerationRequest,
    NumberRange,
    ReferenceDelivery,
    ReferenceInput,
)

REFERENCE_SALT = "generations.reference"
WEBHOOK_SALT = "generations.hook"


def request_of(generation: Generation) -> GenerationRequest:
    """What this generation asks of its provider, references included."""
    run = generation.run
    engine = registry.engine(run.engine)
    return GenerationRequest.from_options(
        run.options,
        engine=run.engine,
        prompt=run.prompt,
        num_images=generation.wanted,
        seed=_seed(generation, engine.capabilities.seed),
        references=tuple(_references(generation, engine.capabilities.reference_delivery)),
        webhook_url=webhook_url(generation) if engine.capabilities.webhook else "",
    )


def webhook_url(generation: Generation) -> str:
    """Where the provider may call us when it is done; only over https, else empty."""
    if not settings.SERVED_OVER_HTTPS:
        return ""
    token = signing.dumps(str(generation.uuid), salt=WEBHOOK_SALT)
    return settings.PUBLIC_URL + reverse("webhook", args=[generation.provider, token])


def reference_link(generation: Generation, row: RunReference) -> str:
    """A link for the provider alone, dead when the generation ends."""
    token = signing.dumps([str(generation.uuid), row.pk], salt=REFERENCE_SALT)
    return settings.PUBLIC_URL + reverse("reference-link", args=[token])


def read_reference_token(token: str) -> tuple[uuid.UUID, int]:
    """The generation and the run's reference that a link names. Raises signing.BadSignature."""
    generation, row = signing.loads(token, salt=REFERENCE_SALT)
    return uuid.UUID(generation), row


def read_webhook_token(token: str) -> uuid.UUID:
    """The generation that a webhook address names. Raises signing.BadSignature."""
    return uuid.UUID(signing.loads(token, salt=WEBHOOK_SALT))


def _seed(generation: Generation, seeds: NumberRange | None) -> int | None:
    """The seed asked for, one on for each frame: the same seed would bring the same picture."""
    seed = generation.run.options.get("seed")
    if seed is None or seeds is None:
        return seed
    first, count = int(seeds.minimum), int(seeds.maximum - seeds.minimum) + 1
    return first + (seed - first + generation.position) % count


def _references(generation: Generation, delivery: ReferenceDelivery | None) -> list[ReferenceInput]:
    return [_reference(generation, row, delivery) for row in references_of(generation.run)]


def references_of(run: Run) -> list[RunReference]:
    return list(run.run_references.select_related("reference"))


def _reference(
    generation: Generation, row: RunReference, delivery: ReferenceDelivery | None
) -> ReferenceInput:
    reference = row.reference
    by_link = delivery == ReferenceDelivery.LINK
    return ReferenceInput(
        sha256=reference.sha256,
        width=reference.width,
        height=reference.height,
        link=reference_link(generation, row) if by_link else "",
        data=b"" if by_link else storage.read(storage.originals(), reference.name),
        mime_type=mime_type(reference.format),
    )
