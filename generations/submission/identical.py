"""Work that is done already: known by its digest, offered, and never reused in silence."""

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
    """The person's team has exactly these pictures: those of `run`. Nothing was charged.

    A request whose `make_again` is `digest` makes them anew.
    """

    def __init__(self, run: Run, digest: str) -> None:
        super().__init__(
            _("Your team has exactly these pictures already. Nothing was made or charged.")
        )
        self.run = run
        self.digest = digest


def work_digest(request: RunRequest) -> str:
    """The same for requests that bring the same pictures, however many: a SHA-256.

    Empty where that cannot be told: without a seed, or at an engine that promises nothing for one.
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


def refuse_what_is_there(user: User, request: RunRequest, digest: str) -> None:
    """Raises AlreadyMade where the team has all these pictures and nobody wants them once more."""
    if not digest or request.make_again == digest:
        return
    made = Count("images", filter=_shown("images__", request.num_images))
    runs = Run.objects.visible_to(user).filter(work_digest=digest).annotate(made=made)
    found = runs.filter(made__gte=request.num_images).select_related("user").newest().first()
    if found:
        raise AlreadyMade(found, digest)


def images_made(run: Run, num_images: int) -> QuerySet[Image]:
    """The pictures of `run` that a request for `num_images` would bring, as far as shown."""
    return run.images.filter(_shown("", num_images))


def _shown(path: str, num_images: int) -> Q:
    return Q(**{f"{path}hidden_at__isnull": True, f"{path}position__lt": num_images})
