"""Finds work that the team already has, by its digest. It is offered, never reused in silence."""

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from generations.models import Image, Run
from generations.providers.types import OPTIONS
from generations.submission.asking import (
    IMAGES_AT_A_TIME,
    RunRequest,
    SubmissionRefused,
    as_generation_request,
    digest_of,
    engine_called,
    sha256_of,
)


class AlreadyMade(SubmissionRefused):
    """The person's team already has exactly these images, in `run`. Nothing was charged.

    A request with `make_again` set to `digest` makes them again.
    """

    def __init__(self, run: Run, digest: str) -> None:
        super().__init__(
            _("Your team already has exactly these images. Nothing was made or charged.")
        )
        self.run = run
        self.digest = digest


def work_digest(request: RunRequest) -> str:
    """A SHA-256 that is the same for requests that bring the same images, however many.

    Empty if that can't be known: without a seed, or if the engine does not promise it for a seed.
    """
    able = engine_called(request.engine).capabilities
    if not able.deterministic_by_seed or request.options.get("seed") is None:
        return ""
    asked = as_generation_request(request)
    options: dict[str, Any] = {name: getattr(asked, name) for name in OPTIONS}
    options[IMAGES_AT_A_TIME] = request.options.get(IMAGES_AT_A_TIME)
    return digest_of(
        {
            "engine": request.engine,
            "prompt": request.prompt,
            "options": options,
            "references": [sha256_of(reference) for reference in request.references],
        }
    )


def refuse_identical_work(user: User, request: RunRequest, digest: str) -> None:
    """Raise AlreadyMade if the team has all these images, unless they are asked for again."""
    if not digest or request.make_again == digest:
        return
    made = Count("images", filter=_shown("images__", request.num_images))
    runs = Run.objects.visible_to(user).filter(work_digest=digest).annotate(made=made)
    found = runs.filter(made__gte=request.num_images).select_related("user").newest().first()
    if found:
        raise AlreadyMade(found, digest)


def images_made(run: Run, num_images: int) -> QuerySet[Image]:
    """The images of `run`, without hidden ones, that a request for `num_images` would bring."""
    return run.images.filter(_shown("", num_images))


def _shown(path: str, num_images: int) -> Q:
    return Q(**{f"{path}hidden_at__isnull": True, f"{path}position__lt": num_images})
