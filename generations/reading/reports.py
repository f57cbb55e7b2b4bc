"""A run as a plain dictionary, for the shell and for scripts."""

from typing import Any

from django.core.files.storage import FileSystemStorage
from django.db.models import Sum

from accounts.models import Entry
from generations import storage
from generations.labelling import FULL
from generations.models import Generation, Image, Run
from generations.providers.advice import GIVEN_UP, explain
from generations.providers.errors import Code
from generations.states import ENDED

Kind = Entry.Kind


def of_run(run: Run) -> dict[str, Any]:
    """Return `id status engine wanted delivered credits images generations error` of a run."""
    generations = list(run.generations.all())
    return {
        "id": str(run.uuid),
        "status": run.status,
        "engine": run.engine,
        "wanted": run.wanted,
        "delivered": run.delivered,
        "credits": credits_of(run),
        "images": [_image(image) for image in run.images.order_by("position")],
        "generations": [_generation(row) for row in generations],
        "error": _first_error(generations),
    }


def credits_of(run: Run) -> dict[str, int]:
    """Return the person's credits that were reserved, charged and released for a run."""
    sums = dict(
        Entry.objects.filter(
            generation__in=run.generations.values("uuid"), allowance__user__isnull=False
        )
        .order_by()
        .values_list("kind")
        .annotate(Sum("amount"))
    )
    kinds = {"reserved": Kind.RESERVE, "charged": Kind.SETTLE, "released": Kind.RELEASE}
    return {name: sums.get(kind, 0) for name, kind in kinds.items()}


def _image(image: Image) -> dict[str, Any]:
    full = image.renditions.get(recipe=FULL.name)
    return {
        "id": str(image.uuid),
        "width": image.width,
        "height": image.height,
        "sha256_original": image.original_sha256,
        "sha256_labelled": full.sha256,
        "path": _path(full.name),
    }


def _path(name: str) -> str:
    """The path of a file on this machine, or its name in the bucket."""
    files = storage.renditions()
    return files.path(name) if isinstance(files, FileSystemStorage) else name


def _generation(generation: Generation) -> dict[str, Any]:
    return {
        "id": str(generation.uuid),
        "status": generation.status,
        "task_id": generation.task_id or None,
        "error": _error(generation),
    }


def _error(generation: Generation) -> dict[str, str] | None:
    if not generation.error_code or generation.status == "succeeded":
        return None
    advice = explain(generation.error_code, generation.error_raw_code, generation.provider)
    if generation.error_code == Code.OUTCOME_UNKNOWN and generation.status in ENDED:
        advice = GIVEN_UP
    return {"code": generation.error_code, "message": f"{advice.title} {advice.what_to_do}"}


def _first_error(generations: list[Generation]) -> dict[str, str] | None:
    return next((error for row in generations if (error := _error(row))), None)
