"""What one press asks for, as plain values, and what it costs."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.stored_texts import read
from generations import offering, pricing
from generations.imaging import ImageFacts
from generations.jobs import provider_health
from generations.models import Image, Price, Reference
from generations.providers import registry, unsupported
from generations.providers.advice import explain
from generations.providers.capabilities import Engine
from generations.providers.types import GenerationRequest, ReferenceInput

# An option of a run that is not sent to a provider: the most images that one of its requests may
# ask for.
IMAGES_AT_A_TIME = "images_at_a_time"
NO_PRICE = gettext_lazy("This engine has no price yet. Ask an admin to set one.")


class SubmissionRefused(Exception):
    """The request is refused; `message` tells the person why, `field` names the form field."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class KeyReused(SubmissionRefused):
    """The idempotency key was used before for a request with other content."""


class BudgetRefused(SubmissionRefused):
    """A budget in US dollars does not cover the request."""


@dataclass(frozen=True)
class NewReference:
    """An upload whose header was checked, and its declared rights. It is not yet decoded or stored.

    `sha256` is the hash of the bytes of `file`; `facts` are what its header claims. `rights` are
    empty until they are declared; `licence` says which one, if they are those of a licence.
    """

    file: File
    sha256: str
    facts: ImageFacts
    rights: str = ""
    licence: str = ""


AnyReference = NewReference | Reference | Image


@dataclass(frozen=True)
class RunRequest:
    """What a person asks for with one press: `num_images` in all, and the engine's own options.

    `references` are uploads, and references and images of the team, in order. `rights` and
    `licence` are declared to those of them that still lack rights. `make_again` is the digest of
    work that the team already has (see `AlreadyMade`) and the person wants again. `parent` is
    the run from which this one is made, if there is one.
    """

    engine: str
    prompt: str
    num_images: int
    idempotency_key: UUID
    options: dict[str, Any] = field(default_factory=dict)
    references: Sequence[AnyReference] = ()
    rights: str = ""
    licence: str = ""
    campaign: str = ""
    make_again: str = ""
    parent: UUID | None = None

    @property
    def digest(self) -> str:
        """A digest of the content, without the key: equal for equal content."""
        return digest_of(
            {
                "engine": self.engine,
                "prompt": self.prompt,
                "num_images": self.num_images,
                "options": self.options,
                "references": [_identity(reference) for reference in self.references],
                "campaign": self.campaign,
            }
        )


def digest_of(content: dict[str, Any]) -> str:
    """The SHA-256 of plain values, in hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def as_generation_request(request: RunRequest) -> GenerationRequest:
    """The whole run as one request, to validate it and to find its price tier."""
    return GenerationRequest.from_options(
        request.options,
        engine=request.engine,
        prompt=request.prompt,
        num_images=request.num_images,
        references=tuple(_as_input(reference) for reference in request.references),
    )


def quote(request: GenerationRequest) -> int | None:
    """Credits for a whole run, as the button shows and `submit` reserves; None without a price."""
    price = pricing.price_of(request)
    return credits_of(price, request) if price else None


def credits_of(price: Price, request: GenerationRequest) -> int:
    """Credits for all images of `request` at `price`, with its references."""
    references = len(request.references)
    return pricing.credits_for(price, request.num_images, references=references)


def with_defaults(engine: str, options: dict[str, Any]) -> dict[str, Any]:
    """`options`, with the engine's first resolution and aspect ratio if they were left out."""
    capabilities = engine_called(engine).capabilities
    resolution = options.get("resolution") or capabilities.resolutions[0]
    ratios = capabilities.aspect_ratios(resolution)
    chosen = {"resolution": resolution, "aspect_ratio": ratios[0] if ratios else ""}
    return chosen | options


def engine_called(name: str) -> Engine:
    """The engine called `name`. Raises SubmissionRefused if it is not set up here."""
    engine = registry.engines().get(name)
    if engine is None:
        raise SubmissionRefused(str(unsupported.NO_ENGINE), field="engine")
    return engine


def usable_engine(name: str, *, user: User) -> Engine:
    """The engine called `name`.

    Raises SubmissionRefused if admins do not offer it to `user`, or no key can serve it now.
    """
    engine = engine_called(name)
    if why := offering.why_not_offered(name, user):
        raise SubmissionRefused(why, field="engine")
    if why := why_blocked(engine):
        raise SubmissionRefused(why, field="engine")
    return engine


def why_blocked(engine: Engine) -> str:
    """Why no key can serve `engine` now, and what to do; empty if one can."""
    return blocked_in_words(provider_health.why_blocked(engine.provider, engine.name))


def blocked_in_words(code: str) -> str:
    """What has happened to an engine that is blocked for `code`, and what to do; empty for none."""
    if not code:
        return ""
    to_do = _("Choose another engine; admins have been told.")
    return f"{explain(code).title} {to_do}"


def no_price() -> SubmissionRefused:
    """The error for an engine without a price."""
    return SubmissionRefused(str(NO_PRICE), field="engine")


def refused_reference(reference: Reference) -> SubmissionRefused:
    """The error that says why `reference` is unusable."""
    message = _("A reference can't be used. %(why)s") % {"why": read(reference.problem)}
    return SubmissionRefused(message, field="references")


def sha256_of(reference: AnyReference) -> str:
    """The SHA-256 of a reference's file; of an upload, that of the bytes as uploaded."""
    if isinstance(reference, Image):
        return reference.original_sha256
    if isinstance(reference, Reference):
        return reference.upload_sha256 or reference.sha256
    return reference.sha256


def _identity(reference: AnyReference) -> str:
    return reference.sha256 if isinstance(reference, NewReference) else str(reference.uuid)


def _as_input(reference: AnyReference) -> ReferenceInput:
    image = reference.facts if isinstance(reference, NewReference) else reference
    return ReferenceInput(sha256_of(reference), image.width, image.height)
