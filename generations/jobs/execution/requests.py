"""What is sent to an adapter, made from rows."""

import uuid

from django.conf import settings
from django.core import signing
from django.urls import reverse

from generations.jobs.execution import outgoing
from generations.models import Generation, Run, RunReference
from generations.providers import registry
from generations.providers.capabilities import ReferenceDelivery
from generations.providers.types import GenerationRequest, ReferenceInput, TaskRef
from generations.states import Status

REFERENCE_SALT = "generations.reference"
WEBHOOK_SALT = "generations.hook"

# In these statuses a provider may still fetch a reference. `unknown` is not one of them, because it
# may last until an admin decides.
LINK_LIVES = (Status.QUEUED, Status.SUBMITTING, Status.RUNNING)


def request_of(generation: Generation) -> GenerationRequest:
    """What this generation asks of its provider.

    For workers only, because it makes missing clean files of references. Raises UnusableImage if
    one of them can't be a reference.
    """
    run = generation.run
    engine = registry.engine(run.engine)
    return GenerationRequest.from_options(
        run.options,
        engine=run.engine,
        prompt=run.prompt,
        num_images=generation.wanted,
        seed=engine.capabilities.seed_at(generation.position, asked=run.options.get("seed")),
        references=tuple(_references(generation, engine.capabilities.reference_delivery)),
        webhook_url=webhook_url(generation) if engine.capabilities.webhook else "",
    )


def task_of(generation: Generation, task_id: str) -> TaskRef:
    """The task `task_id` of this generation, in the form that adapters take.

    Raises KeyError if the engine is no longer known.
    """
    return TaskRef(
        task_id=task_id,
        model=registry.engine(generation.run.engine).model,
        urls=generation.task_urls,
        submitted_at=generation.submitted_at,
    )


def size_asked(run: Run) -> tuple[int, int] | None:
    """Width and height in pixels; None if the engine, or this size of it, is gone."""
    engine = registry.known_engines().get(run.engine)
    asked = GenerationRequest.from_options(run.options, engine=run.engine, prompt="")
    try:
        return engine.capabilities.size(asked) if engine else None
    except KeyError:
        return None


def webhook_url(generation: Generation) -> str:
    """The address that the provider may call when the task ends; empty unless over https."""
    if not settings.SERVED_OVER_HTTPS:
        return ""
    token = signing.dumps(str(generation.uuid), salt=WEBHOOK_SALT)
    return settings.PUBLIC_URL + reverse("webhook", args=[generation.provider, token])


def reference_link(generation: Generation, row: RunReference) -> str:
    """A link for the provider only. It works while the generation's status is in `LINK_LIVES`."""
    token = signing.dumps([str(generation.uuid), row.pk], salt=REFERENCE_SALT)
    return settings.PUBLIC_URL + reverse("reference-link", args=[token])


def read_reference_token(token: str) -> tuple[uuid.UUID, int]:
    """The generation and the run's reference that a link names. Raises signing.BadSignature."""
    generation, row = signing.loads(token, salt=REFERENCE_SALT)
    return uuid.UUID(generation), row


def read_webhook_token(token: str) -> uuid.UUID:
    """The generation that a webhook address names. Raises signing.BadSignature."""
    return uuid.UUID(signing.loads(token, salt=WEBHOOK_SALT))


def _references(generation: Generation, delivery: ReferenceDelivery | None) -> list[ReferenceInput]:
    return [_reference(generation, row, delivery) for row in references_of(generation.run)]


def references_of(run: Run) -> list[RunReference]:
    """The references of a run, in their order, with their files' rows."""
    return list(run.run_references.select_related("reference"))


def _reference(
    generation: Generation, row: RunReference, delivery: ReferenceDelivery | None
) -> ReferenceInput:
    outgoing.make_ready(row.reference)
    file = outgoing.read(row.reference)
    by_link = delivery == ReferenceDelivery.LINK
    return ReferenceInput(
        sha256=row.reference.sha256,
        width=file.width,
        height=file.height,
        link=reference_link(generation, row) if by_link else "",
        data=b"" if by_link else file.data,
        mime_type=file.mime_type,
    )
