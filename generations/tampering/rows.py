"""The rows of runs, and their values by the names that `claims` gives them."""

import hashlib
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from generations.models import Generation, Image, Reference, Run

Values = dict[str, Any]


def of_runs(runs: Collection[UUID]) -> dict[UUID, Run]:
    """The rows of runs with all that is compared, by identifier; without the bodies sent."""
    generations = Generation.objects.select_related("price").defer("body")
    images = Image.objects.select_related("generation").prefetch_related("renditions")
    found = Run.objects.filter(uuid__in=runs).select_related("user", "team", "campaign")
    found = found.prefetch_related(
        Prefetch("generations", generations),
        Prefetch("images", images),
        "run_references__reference__image",
    )
    return {row.uuid: row for row in found}


def body_hashes(runs: Collection[UUID]) -> dict[UUID, str]:
    """The SHA-256 of each body that a generation of `runs` keeps; one is read at a time."""
    kept = Generation.objects.filter(run__uuid__in=runs, body__isnull=False)
    bodies = kept.values_list("uuid", "body").iterator(chunk_size=1)
    return {uuid: hashlib.sha256(bytes(body or b"")).hexdigest() for uuid, body in bodies}


def run(row: Run, ordered: Collection[str]) -> Values:
    """The values of a run; `ordered` are the identifiers of the first press's generations."""
    generations = list(row.generations.all())
    first = [each for each in generations if str(each.uuid) in ordered]
    kept: Any = row.options
    chosen = kept if isinstance(kept, dict) else {}
    options = {name: str(value) for name, value in chosen.items() if name != _AVOID}
    return {
        "engine": row.engine,
        "campaign": row.campaign.uuid if row.campaign else None,
        "credits": sum(each.reserved_credits for each in first),
        "person": row.user.uuid,
        "team": row.team.uuid,
        "options": options if chosen is kept else kept,
        "images": row.wanted,
        "references": [each.reference.uuid for each in row.run_references.all()],
        "erased": row.erased_at is not None,
        "prompt": row.prompt,
        _AVOID: chosen.get(_AVOID),
        "open": row.open,
        "unknown": row.unknown,
        "cancelled": row.cancelled,
        "delivered": row.delivered,
        "images asked for": sum(each.wanted for each in generations),
    }


_AVOID = "negative_prompt"


def generation(row: Generation, body: str | None) -> Values:
    """The values of a generation; `body` is the hash of the body it keeps."""
    return {
        "status": row.status,
        "attempt": row.attempt,
        "delivered": row.delivered,
        "provider": row.provider,
        "price": row.price.uuid,
        "task_id": row.task_id,
        "error": row.error_code,
        "model": row.model,
        "seed": row.seed,
        "cost_usd": row.cost_usd,
        "provider_request_id": row.request_id,
        "idempotency_key": row.idempotency_key,
        "body": body,
    }


def image(row: Image) -> Values:
    """The values of an image and of its labelled files."""
    labelled = list(row.renditions.all())
    versions = sorted({each.label_version for each in labelled})
    return {
        "generation": row.generation.uuid,
        "position": row.position,
        "width": row.width,
        "height": row.height,
        "format": row.format,
        "original_sha256": row.original_sha256,
        "arrived_with": row.arrived_with,
        "renditions": {each.recipe: each.sha256 for each in labelled},
        "label_version": versions[0] if len(versions) == 1 else versions,
        "erased": row.erased_at is not None,
    }


def reference(row: Reference) -> Values:
    """The values of a reference. Uploads of the first version had one hash only."""
    return {
        "rights": row.rights,
        "image": row.image.uuid if row.image else None,
        "upload_sha256": row.upload_sha256 or row.sha256,
        "sha256": row.sha256,
        "format": row.format,
        "width": row.width,
        "height": row.height,
        "erased": row.erased_at is not None,
    }
