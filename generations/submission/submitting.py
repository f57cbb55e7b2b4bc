"""Submit: a run, its references, its requests, its credits and its record, all at once."""

from collections.abc import Mapping

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations import pricing, storage
from generations.models import Campaign, Generation, Image, Price, Reference, Run, RunReference
from generations.providers.validation import validate
from generations.submission.asking import (
    AnyReference,
    KeyReused,
    NewReference,
    RunRequest,
    as_generation_request,
    engine_called,
    no_price,
    usable_engine,
)
from generations.submission.identical import refuse_what_is_there, work_digest
from generations.submission.opening import open_requests


def submit(user: User, request: RunRequest, *, facts: Mapping[str, str] | None = None) -> Run:
    """Make a run, hold its credits and tell the workers. The same key and content: the first run.

    `facts` go on the record beside those of any run. Raises UnsupportedOption,
    InsufficientCredits, KeyReused, AlreadyMade or SubmissionRefused; then nothing was written and
    nothing charged.
    """
    if earlier := _earlier(user, request):
        return earlier
    validate(
        usable_engine(request.engine),
        as_generation_request(request),
        links_possible=settings.SERVED_OVER_HTTPS,
    )
    digest = work_digest(request)
    refuse_what_is_there(user, request, digest)
    price = _price(request)
    for reference in request.references:
        _store_upload(reference)
    try:
        with transaction.atomic():
            return _create(user, request, price, digest, facts or {})
    except IntegrityError:  # the same press came twice at once
        if earlier := _earlier(user, request):
            return earlier
        raise


def _price(request: RunRequest) -> Price:
    price = pricing.price_of(as_generation_request(request))
    if price is None:
        raise no_price()
    return price


def _earlier(user: User, request: RunRequest) -> Run | None:
    earlier = Run.objects.filter(user=user, idempotency_key=request.idempotency_key).first()
    if earlier and earlier.content_digest != request.digest:
        raise KeyReused(
            _("This form was sent before with other content. Nothing was charged: press again.")
        )
    return earlier


def _create(
    user: User, request: RunRequest, price: Price, digest: str, facts: Mapping[str, str]
) -> Run:
    run = Run.objects.create(
        user=user,
        team=user.team,
        campaign=_campaign(user, request.campaign),
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
    RunReference.objects.bulk_create(
        RunReference(run=run, reference=reference, position=position)
        for position, reference in enumerate(references)
    )
    able = engine_called(request.engine).capabilities
    generations = open_requests(run, range(run.wanted), able=able, price=price, actor=user)
    _record(run, generations, references, price, facts)
    return run


def _campaign(user: User, name: str) -> Campaign | None:
    if not name:
        return None
    found = Campaign.objects.filter(team=user.team, name__iexact=name).first()
    return found or Campaign.objects.create(team=user.team, name=name, created_by=user)


def _store_upload(reference: AnyReference) -> None:
    if isinstance(reference, NewReference):
        name = storage.reference_name(reference.sha256)
        if not storage.originals().exists(name):
            storage.originals().save(name, ContentFile(reference.picture.data))


def _reference(user: User, given: AnyReference) -> Reference:
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


def _record(
    run: Run,
    generations: list[Generation],
    references: list[Reference],
    price: Price,
    facts: Mapping[str, str],
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
