"""What is asked for with one press: plain values, and what they cost."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from generations import pricing, provider_health
from generations.imaging import CleanImage
from generations.models import Image, Reference
from generations.providers import registry
from generations.providers.advice import explain
from generations.providers.types import Engine, GenerationRequest, ReferenceInput

# An option of a run that no provider is told: how many images its requests ask for at most.
IMAGES_AT_A_TIME = "images_at_a_time"


class SubmissionRefused(Exception):
    """The request cannot be taken; `field` names the form field, `message` is for the person."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class KeyReused(SubmissionRefused):
    """The idempotency key came before with other content."""


@dataclass(frozen=True)
class NewReference:
    """An upload, cleaned and not yet stored, with the rights its owner declares."""

    picture: CleanImage
    rights: str = Reference.Rights.OWN

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.picture.data).hexdigest()


AnyReference = NewReference | Reference | Image


@dataclass(frozen=True)
class RunRequest:
    """What a person asks for with one press: `num_images` in all, options in the engine's words.

    `references` are uploads, references of the team, or images of the team, in order. `make_again`
    is the digest of work that the person was told is there already, and wants once more.
    """

    engine: str
    prompt: str
    num_images: int
    idempotency_key: UUID
    options: dict[str, Any] = field(default_factory=dict)
    references: Sequence[AnyReference] = ()
    campaign: str = ""
    make_again: str = ""

    @property
    def digest(self) -> str:
        """The same for the same content, whatever the key."""
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
    """The SHA-256 of plain values as hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def as_generation_request(request: RunRequest) -> GenerationRequest:
    """The whole run as one request, for checks and for the price tier."""
    return GenerationRequest.from_options(
        request.options,
        engine=request.engine,
        prompt=request.prompt,
        num_images=request.num_images,
        references=tuple(_as_input(reference) for reference in request.references),
    )


def quote(request: RunRequest) -> int | None:
    """Credits for this request, as the button shows and `submit` reserves; None without a price."""
    price = pricing.price_of(as_generation_request(request))
    return pricing.credits_for(price, request.num_images) if price else None


def with_defaults(engine: str, options: dict[str, Any]) -> dict[str, Any]:
    """`options` with the engine's first resolution and ratio where they were left out."""
    capabilities = engine_called(engine).capabilities
    resolution = options.get("resolution") or capabilities.resolutions[0]
    ratios = capabilities.aspect_ratios(resolution)
    chosen = {"resolution": resolution, "aspect_ratio": ratios[0] if ratios else ""}
    return chosen | options


def engine_called(name: str) -> Engine:
    """The engine called `name`. Raises SubmissionRefused where it is not set up here."""
    engine = registry.engines().get(name)
    if engine is None:
        raise SubmissionRefused(_("This engine does not exist here. Pick another."), field="engine")
    return engine


def usable_engine(name: str) -> Engine:
    """The engine called `name`. Raises SubmissionRefused where nothing can be sent to it now."""
    engine = engine_called(name)
    if why := why_blocked(engine.provider):
        raise SubmissionRefused(why, field="engine")
    return engine


def why_blocked(provider: str) -> str:
    """What keeps every key of `provider` from being used, and what to do; empty if one is fine."""
    code = provider_health.why_blocked(provider)
    if not code:
        return ""
    to_do = _("Choose another engine; admins have been told.")
    return f"{explain(code).title} {to_do}"


def no_price() -> SubmissionRefused:
    message = _("This engine has no price yet. Ask an admin to set one.")
    return SubmissionRefused(message, field="engine")


def sha256_of(reference: AnyReference) -> str:
    """The SHA-256 of a reference's file."""
    return reference.original_sha256 if isinstance(reference, Image) else reference.sha256


def _identity(reference: AnyReference) -> str:
    return reference.sha256 if isinstance(reference, NewReference) else str(reference.uuid)


def _as_input(reference: AnyReference) -> ReferenceInput:
    picture = reference.picture if isinstance(reference, NewReference) else reference
    return ReferenceInput(sha256_of(reference), picture.width, picture.height)
