"""Generations that end as they do in a worker, without a provider."""

import uuid

from generations.jobs import lifecycle
from generations.models import Generation
from generations.states import Status


def ended(generation: Generation, *, images: int) -> None:
    """End a queued generation with so many images; it fails if there are none."""
    generation.refresh_from_db()
    claim = {"claimed_by": "worker", "submit_token": uuid.uuid4()}
    assert lifecycle.move(generation, Status.SUBMITTING, changes=claim)
    if not images:
        assert lifecycle.move(generation, Status.FAILED, changes={"error_code": "timeout"})
        return
    assert lifecycle.move(generation, Status.STORING)
    assert lifecycle.move(generation, Status.SUCCEEDED, changes={"delivered": images})
