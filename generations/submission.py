"""Asking for pictures: submit, try again, cancel.

One transaction holds the run, its generations, the credits and the record, or nothing at all;
the workers are told on commit.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, ledger
from accounts.events import Event
from accounts.models import User
from generations import hints, lifecycle, live, pricing, storage
from generations.imaging import CleanImage
from generations.models import Campaign, Generation, Image, Price, Reference, Run, RunReference
from generations.providers import registry
from generations.providers.types import GenerationRequest, ReferenceInput
from generations.providers.validation import validate
from generations.states import Status


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


@dataclass(frozen=True)
class RunRequest:
    """What a person asks for with one press: `num_images` in all, options in the engine's words.

    `references` are uploads, references of the team, or images of the team, in order.
    """

    engine: str
    prompt: str
    num_images: int
    idempotency_key: UUID
    options: dict[str, Any] = field(default_factory=dict)
    references: Sequence[NewReference | Reference | Image] = ()
    campaign: str = ""

    @property
    def digest(self) -> str:
        """The same for the same content, whatever the key."""
        content = {
            "engine": self.engine,
            "prompt": self.prompt,
            "num_images": self.num_images,
            "options": self.options,
            "references": [_identity(reference) for reference in self.references],
            "campaign": self.campaign,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def submit(user: User, request: RunRequest) -> Run:
    """Make a run, hold its credits and tell the workers. The same key and content: the first run.

    Raises UnsupportedOption, InsufficientCredits, KeyReused or SubmissionRefused; then nothing
    was written and nothing charged.
    """
    if earlier := _earlier(user, request):
        return earlier
    validate(
        _engine(request.engine),
        as_generation_request(request),
        links_possible=settings.SERVED_OVER_HTTPS,
    )
    price = _price(request)
    for reference in request.references:
        _store_upload(reference)
    try:
        with transaction.atomic():
            return _create(user, request, price)
    except IntegrityError:  # the same press came twice at once
        if earlier := _earlier(user, request):
            return earlier
        raise


def quote(request: RunRequest) -> int | None:
    """Credits for this request, as the button shows and `submit` reserves; None without a price."""
    price = pricing.price_of(as_generation_request(request))
    return pricing.credits_for(price, request.num_images) if price else None


def with_defaults(engine: str, options: dict[str, Any]) -> dict[str, Any]:
    """`options` with the engine's first resolution and ratio where they were left out."""
    capabilities = _engine(engine).capabilities
    resolution = options.get("resolution") or capabilities.resolutions[0]
    ratios = capabilities.aspect_ratios(resolution)
    chosen = {"resolution": resolution, "aspect_ratio": ratios[0] if ratios else ""}
    return chosen | options


def try_again(run: Run, *, actor: User) -> Run:
    """Ask once more for the images of a run that did not come, at today's price.

    Raises InsufficientCredits, or SubmissionRefused while something is still open.
    """
    engine = _engine(run.engine)
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run.pk)
        if run.open or run.unknown:
            raise SubmissionRefused(_("Wait until nothing of this run is open, then try again."))
        missing = run.missing
        if not missing:
            raise SubmissionRefused(_("All images of this run have arrived."))
        price = pricing.price_in_force(run.engine, _tier_of(run))
        if price is None:
            raise SubmissionRefused(_no_price())
        slots = _free_positions(run)[:missing]
        generations = _generations(run, slots, engine.capabilities.images_per_request, price)
        _open(run, generations, actor=actor)
        Run.objects.filter(pk=run.pk).update(open=F("open") + missing)
        facts = {"images": missing, "credits": pricing.credits_for(price, missing)}
        audit.record(Event.RUN_RETRIED, actor=actor, subject=run, story=run.uuid, facts=facts)
    run.refresh_from_db()
    return run


def cancel(generation: Generation, *, actor: User) -> bool:
    """Stop a generation: at once while it waits, by the provider's leave once it was sent."""
    if lifecycle.move(generation, Status.CANCELLED, expect=[Status.QUEUED], actor=actor):
        return True
    if not can_cancel(generation):
        return False
    with transaction.atomic():
        asked = Generation.objects.filter(
            pk=generation.pk,
            status__in=(Status.SUBMITTING, Status.RUNNING),
            cancel_asked_at__isnull=True,
        ).update(cancel_asked_at=timezone.now())
        if not asked:
            return False
        running = Generation.objects.filter(pk=generation.pk, status=Status.RUNNING)
        running.update(next_action_at=timezone.now())
        story = generation.run.uuid
        audit.record(Event.GENERATION_CANCEL_ASKED, actor=actor, subject=generation, story=story)
        live.bump(generation.run.user_id)
    return True


def can_cancel(generation: Generation) -> bool:
    """Whether a cancel button is of any use for this generation now."""
    if generation.status == Status.QUEUED:
        return True
    engine = registry.engines().get(generation.run.engine)
    sent = generation.status in (Status.SUBMITTING, Status.RUNNING)
    return bool(sent and engine and engine.capabilities.can_cancel)


def as_generation_request(request: RunRequest) -> GenerationRequest:
    """The whole run as one request, for checks and for the price tier."""
    return GenerationRequest.from_options(
        request.options,
        engine=request.engine,
        prompt=request.prompt,
        num_images=request.num_images,
        references=tuple(_as_input(reference) for reference in request.references),
    )


# --- Steps -------------------------------------------------------------------------------------


def _engine(name: str) -> Any:
    engine = registry.engines().get(name)
    if engine is None:
        raise SubmissionRefused(_("This engine does not exist here. Pick another."), field="engine")
    return engine


def _price(request: RunRequest) -> Price:
    price = pricing.price_of(as_generation_request(request))
    if price is None:
        raise SubmissionRefused(_no_price(), field="engine")
    return price


def _no_price() -> str:
    return _("This engine has no price yet. Ask an admin to set one.")


def _earlier(user: User, request: RunRequest) -> Run | None:
    earlier = Run.objects.filter(user=user, idempotency_key=request.idempotency_key).first()
    if earlier and earlier.content_digest != request.digest:
        raise KeyReused(
            _("This form was sent before with other content. Nothing was charged: press again.")
        )
    return earlier


def _create(user: User, request: RunRequest, price: Price) -> Run:
    run = Run.objects.create(
        user=user,
        team=user.team,
        campaign=_campaign(user, request.campaign),
        engine=request.engine,
        prompt=request.prompt,
        options=request.options,
        idempotency_key=request.idempotency_key,
        content_digest=request.digest,
        wanted=request.num_images,
        open=request.num_images,
    )
    references = [_reference(user, each) for each in request.references]
    RunReference.objects.bulk_create(
        RunReference(run=run, reference=reference, position=position)
        for position, reference in enumerate(references)
    )
    per_request = _engine(request.engine).capabilities.images_per_request
    generations = _generations(run, list(range(run.wanted)), per_request, price)
    _open(run, generations, actor=user)
    _record_submission(run, generations, references, price)
    return run


def _generations(
    run: Run, slots: Sequence[int], per_request: int, price: Price
) -> list[Generation]:
    """One generation for each stretch of neighbouring frames that one request can fill."""
    generations: list[Generation] = []
    for slot in slots:
        last = generations[-1] if generations else None
        if last and last.position + last.wanted == slot and last.wanted < per_request:
            last.wanted += 1
        else:
            provider = run.engine.partition("/")[0]
            generations.append(
                Generation(run=run, provider=provider, price=price, position=slot, wanted=1)
            )
    return generations


def _open(run: Run, generations: list[Generation], *, actor: User) -> None:
    amounts = {row.uuid: pricing.credits_for(row.price, row.wanted) for row in generations}
    for row in generations:
        row.save(force_insert=True)
        hints.hint(hints.SUBMIT)
    live.bump(run.user_id)
    # Last, so that the allowance's row is locked for as short as can be.
    ledger.reserve(actor, amounts, price=generations[0].price.uuid)


def _free_positions(run: Run) -> list[int]:
    taken = set(run.images.values_list("position", flat=True))
    return [position for position in range(run.wanted + len(taken)) if position not in taken]


def _tier_of(run: Run) -> str:
    request = RunRequest(
        engine=run.engine,
        prompt=run.prompt,
        num_images=run.wanted,
        idempotency_key=run.idempotency_key,
        options=run.options,
    )
    adapter = registry.adapter_class(run.engine.partition("/")[0])
    return adapter.tier(as_generation_request(request))


def _campaign(user: User, name: str) -> Campaign | None:
    if not name:
        return None
    found = Campaign.objects.filter(team=user.team, name__iexact=name).first()
    return found or Campaign.objects.create(team=user.team, name=name, created_by=user)


def _identity(reference: NewReference | Reference | Image) -> str:
    return reference.sha256 if isinstance(reference, NewReference) else str(reference.uuid)


def _as_input(reference: NewReference | Reference | Image) -> ReferenceInput:
    if isinstance(reference, NewReference):
        picture = reference.picture
        return ReferenceInput(reference.sha256, picture.width, picture.height)
    sha256 = reference.original_sha256 if isinstance(reference, Image) else reference.sha256
    return ReferenceInput(sha256, reference.width, reference.height)


def _store_upload(reference: NewReference | Reference | Image) -> None:
    if isinstance(reference, NewReference):
        name = storage.reference_name(reference.sha256)
        if not storage.originals().exists(name):
            storage.originals().save(name, ContentFile(reference.picture.data))


def _reference(user: User, given: NewReference | Reference | Image) -> Reference:
    if isinstance(given, Reference):
        return given
    if isinstance(given, Image):
        return _reference_of_image(user, given)
    reference = Reference.objects.create(
        owner=user,
        team=user.team,
        name=storage.reference_name(given.sha256),
        sha256=given.sha256,
        format=given.picture.format,
        width=given.picture.width,
        height=given.picture.height,
        rights=given.rights,
    )
    facts = {"sha256": reference.sha256, "rights": reference.rights}
    audit.record(Event.REFERENCE_UPLOADED, actor=user, subject=reference, facts=facts)
    return reference


def _reference_of_image(user: User, image: Image) -> Reference:
    return Reference.objects.create(
        owner=user,
        team=user.team,
        image=image,
        name=image.original_name,
        sha256=image.original_sha256,
        format=image.format,
        width=image.width,
        height=image.height,
        rights=Reference.Rights.GENERATED,
    )


def _record_submission(
    run: Run, generations: list[Generation], references: list[Reference], price: Price
) -> None:
    options = {name: value for name, value in run.options.items() if name != "negative_prompt"}
    audit.record(
        Event.RUN_SUBMITTED,
        actor=run.user,
        subject=run,
        story=run.uuid,
        facts={
            "engine": run.engine,
            "images": run.wanted,
            "options": {name: str(value) for name, value in options.items()},
            "credits": pricing.credits_for(price, run.wanted),
            "price": str(price.uuid),
            "generations": [str(row.uuid) for row in generations],
            "references": [{"sha256": row.sha256, "rights": str(row.rights)} for row in references],
            "campaign": str(run.campaign.uuid) if run.campaign else None,
        },
        personal={
            "prompt": run.prompt,
            "negative_prompt": run.options.get("negative_prompt"),
        },
    )
