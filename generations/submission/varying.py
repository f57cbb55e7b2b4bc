"""More like this: a run's prompt, options and references once more, with another seed."""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from generations import pricing
from generations.models import Run
from generations.providers.capabilities import Capabilities
from generations.providers.types import GenerationRequest
from generations.submission.asking import (
    NO_PRICE,
    RunRequest,
    SubmissionRefused,
    usable_engine,
)
from generations.submission.creating import submit
from generations.submission.opening import references_of


@dataclass(frozen=True)
class Variation:
    """What “more like this” asks for, and its price in credits; or why it is not possible."""

    images: int = 0
    credits: int = 0
    refusal: str = ""


def variation_of(run: Run, *, actor: User) -> Variation:
    """What `vary` would ask for now."""
    try:
        usable_engine(run.engine, user=actor)
        _refuse_erased(run)
    except SubmissionRefused as refused:
        return Variation(refusal=refused.message)
    asked = GenerationRequest.from_options(run.options, engine=run.engine, prompt="")
    price = pricing.price_of(asked)
    if price is None:
        return Variation(refusal=str(NO_PRICE))
    references = references_of(run)
    return Variation(run.wanted, pricing.credits_for(price, run.wanted, references=references))


def vary(run: Run, *, key: UUID, actor: User) -> Run:
    """Make a run like `run` with another seed, at today's price. The same `key` returns the first.

    Raises SubmissionRefused if the engine, the prompt or a reference is gone, and what `submit`
    raises.
    """
    if earlier := Run.objects.filter(user=actor, idempotency_key=key).first():
        return earlier
    able = usable_engine(run.engine, user=actor).capabilities
    _refuse_erased(run)
    rows = run.run_references.select_related("reference")
    request = RunRequest(
        engine=run.engine,
        prompt=run.prompt,
        num_images=run.wanted,
        idempotency_key=key,
        options=_with_new_seed(run.options, able),
        references=[row.reference for row in rows],
        campaign=run.campaign.name if run.campaign else "",
        parent=run.uuid,
    )
    return submit(actor, request)


def _refuse_erased(run: Run) -> None:
    if run.erased_at:
        raise SubmissionRefused(_("Its prompt was erased, so no more images like it can be made."))
    if run.run_references.filter(reference__erased_at__isnull=False).exists():
        raise SubmissionRefused(
            _("A reference of it was erased. Reuse the prompt, and choose another reference.")
        )


def _with_new_seed(options: dict[str, Any], able: Capabilities) -> dict[str, Any]:
    """`options` with a seed drawn by lot if they have one; else the engine draws one itself."""
    if options.get("seed") is None or able.seed is None:
        return dict(options)
    smallest, largest = int(able.seed.minimum), int(able.seed.maximum)
    return {**options, "seed": smallest + secrets.randbelow(largest - smallest + 1)}
