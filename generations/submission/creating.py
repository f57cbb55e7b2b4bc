"""Submit: write a run, its references, requests, credits and record in one transaction."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import audit, ledger
from accounts.events import Event
from accounts.models import User
from generations import pricing
from generations.models import Campaign, Image, Price, Reference, Run, RunReference
from generations.providers.validation import validate
from generations.submission.asking import (
    AnyReference,
    KeyReused,
    NewReference,
    RunRequest,
    as_generation_request,
    engine_called,
    no_price,
    quote,
    sha256_of,
    usable_engine,
)
from generations.submission.identical import refuse_identical_work, work_digest
from generations.submission.opening import Opened, open_requests
from generations.submission.receiving import (
    declare_rights,
    lack_rights,
    note_used,
    reference_of_upload,
    store_upload,
)
from generations.submission.uploading import check_rights, refuse_too_many_pixels

READY = Reference.Status.READY


def submit(user: User, request: RunRequest, *, facts: Mapping[str, Any] | None = None) -> Run:
    """Make a run and reserve its credits. The same key and content again return the first run.

    `facts` are added to the record of the run. Raises UnsupportedOption, InsufficientCredits,
    KeyReused, AlreadyMade or SubmissionRefused; then nothing was written and nothing charged.
    """
    if earlier := _earlier(user, request):
        return earlier
    validate(
        usable_engine(request.engine, user=user),
        as_generation_request(request),
        links_possible=settings.SERVED_OVER_HTTPS,
    )
    refuse_too_many_pixels(request.references)
    if lack_rights(request.references):
        check_rights(request.rights, request.licence)
    digest = work_digest(request)
    refuse_identical_work(user, request, digest)
    price = _price(request)
    _store_uploads(user, request, price)
    try:
        with transaction.atomic():
            return _create(user, request, price, digest, {**_lineage(request), **(facts or {})})
    except IntegrityError:  # the same press arrived twice at the same time
        if earlier := _earlier(user, request):
            return earlier
        raise


def refuse_shortfall(user: User, request: RunRequest) -> None:
    """Raise InsufficientCredits if `user` can't pay for `request`. Reserves nothing.

    Does nothing if the idempotency key was used before: its first press may have used up the
    credits.
    """
    if Run.objects.filter(user=user, idempotency_key=request.idempotency_key).exists():
        return
    if credits := quote(as_generation_request(request)):
        ledger.refuse_shortfall(user, credits)


def _credits(request: RunRequest, price: Price) -> int:
    count = len(request.references)
    return pricing.credits_for(price, request.num_images, references=count)


def _price(request: RunRequest) -> Price:
    price = pricing.price_of(as_generation_request(request))
    if price is None:
        raise no_price()
    return price


def _earlier(user: User, request: RunRequest) -> Run | None:
    pressed = Run.objects.filter(user=user, idempotency_key=request.idempotency_key)
    earlier = pressed.get() if pressed.exists() else None
    if earlier and earlier.content_digest != request.digest:
        raise KeyReused(
            _("This form was sent before with other content. Nothing was charged: press again.")
        )
    return earlier


def _create(
    user: User, request: RunRequest, price: Price, digest: str, facts: Mapping[str, Any]
) -> Run:
    run = Run.objects.create(
        user=user,
        team=user.team,
        campaign=_campaign(user, request.campaign),
        parent=_parent(user, request),
        engine=request.engine,
        prompt=request.prompt,
        options=request.options,
        idempotency_key=request.idempotency_key,
        content_digest=request.digest,
        work_digest=digest,
        wanted=request.num_images,
        open=request.num_images,
    )
    references = [_reference(user, each) for each in request.references]
    declare_rights(user, references, rights=request.rights, licence=request.licence)
    note_used(references)
    RunReference.objects.bulk_create(
        RunReference(run=run, reference=reference, position=position)
        for position, reference in enumerate(references)
    )
    able = engine_called(request.engine).capabilities
    opened = open_requests(
        run,
        range(run.wanted),
        able=able,
        price=price,
        actor=user,
        has_references=bool(references),
    )
    _record(run, opened, references, price, facts)
    return run


def _lineage(request: RunRequest) -> dict[str, str]:
    return {"parent": str(request.parent)} if request.parent else {}


def _parent(user: User, request: RunRequest) -> Run | None:
    if request.parent is None:
        return None
    return Run.objects.visible_to(user).filter(uuid=request.parent).first()


def _campaign(user: User, name: str) -> Campaign | None:
    if not name:
        return None
    found = Campaign.objects.filter(team=user.team, name__iexact=name).first()
    return found or _new_campaign(user, name)


def _new_campaign(user: User, name: str) -> Campaign:
    campaign = Campaign.objects.create(team=user.team, name=name, created_by=user)
    audit.record(Event.CAMPAIGN_MADE, actor=user, subject=campaign, personal={"name": name})
    return campaign


def _store_uploads(user: User, request: RunRequest, price: Price) -> None:
    """Store what the run brings along, for somebody who can pay for it."""
    uploads = [each for each in request.references if isinstance(each, NewReference)]
    if uploads:
        ledger.refuse_shortfall(user, _credits(request, price))
    for upload in uploads:
        store_upload(user, upload)


def _reference(user: User, given: AnyReference) -> Reference:
    if isinstance(given, Reference):
        return given
    if isinstance(given, Image):
        return _reference_of_image(user, given)
    return reference_of_upload(user, given)


def _reference_of_image(user: User, image: Image) -> Reference:
    """The team's reference to an image. One is enough, however many runs use it."""
    if before := Reference.objects.visible_to(user).filter(image=image, status=READY).first():
        return before
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


def _about(reference: Reference) -> dict[str, str | None]:
    """What the record says of a reference; an image of the studio with the run that made it."""
    image = reference.image
    return {
        "reference": str(reference.uuid),
        "sha256": sha256_of(reference),
        "rights": str(reference.rights),
        "image": str(image.uuid) if image else None,
        "run": str(image.run.uuid) if image else None,
    }


def _record(
    run: Run,
    opened: Opened,
    references: list[Reference],
    price: Price,
    facts: Mapping[str, Any],
) -> None:
    options = {name: value for name, value in run.options.items() if name != "negative_prompt"}
    audit.record(
        Event.RUN_SUBMITTED,
        actor=run.user,
        subject=run,
        story=run.uuid,
        facts={
            **facts,
            "engine": run.engine,
            "images": run.wanted,
            "options": {name: str(value) for name, value in options.items()},
            "credits": pricing.credits_for(price, run.wanted, references=len(references)),
            "price": str(price.uuid),
            "generations": [str(row.uuid) for row in opened.generations],
            "entries": opened.entries,
            "references": [_about(row) for row in references],
            "campaign": str(run.campaign.uuid) if run.campaign else None,
        },
        personal={
            "prompt": run.prompt,
            "negative_prompt": run.options.get("negative_prompt"),
            **({"campaign": run.campaign.name} if run.campaign else {}),
        },
    )
