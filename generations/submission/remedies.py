"""Remedies: one press asks for a run's missing images again, with other options.

The images come in a new run. The first run and what it cost stay unchanged.
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Count, Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from generations import pricing
from generations.models import Generation, Run, RunReference
from generations.providers import registry
from generations.providers.advice import Remedy
from generations.providers.capabilities import (
    AS_REFERENCE,
    CUSTOM,
    Capabilities,
    is_same_format,
    provider_of,
)
from generations.providers.types import GenerationRequest
from generations.submission.asking import (
    IMAGES_AT_A_TIME,
    RunRequest,
    SubmissionRefused,
    usable_engine,
)
from generations.submission.creating import submit
from generations.submission.identical import work_digest
from generations.submission.opening import check_something_is_missing, free_positions

# The remedies that are done with one press; the others need the person to change the prompt.
ONE_PRESS_REMEDIES = (Remedy.LOWER_RESOLUTION, Remedy.WITHOUT_REFERENCES, Remedy.FEWER_AT_A_TIME)
FEWER = 2


@dataclass(frozen=True)
class Offer:
    """A remedy for a run: the text on its button, and the credits for all missing images."""

    label: str
    credits: int


@dataclass(frozen=True)
class _Facts:
    """Facts about a run besides its options: its references, and the most images of one request."""

    references: int = 0
    most_at_a_time: int = 0


@dataclass(frozen=True)
class _Plan:
    """What a remedy asks for instead."""

    label: str
    options: dict[str, Any]
    references: int


def offers(runs: Sequence[Run], *, user: User) -> dict[int, dict[Remedy, Offer]]:
    """The remedies that one press of `user` can start, by the run's primary key.

    A remedy that was used is left out until more of the run's images have arrived.

    The number of queries does not grow with the number of runs.
    """
    engines = registry.engines()
    mine = [run for run in runs if run.user_id == user.pk and run.engine in engines]
    short = [run for run in mine if run.missing and not (run.open or run.unknown)]
    if not short:
        return {}
    facts = _facts_of(short)
    prices = pricing.prices_in_force({run.engine for run in short})
    pressed = _pressed(short, user)
    found: dict[int, dict[Remedy, Offer]] = {run.pk: {} for run in short}
    for run in short:
        for remedy in ONE_PRESS_REMEDIES:
            plan = _plan(run, remedy, engines[run.engine].capabilities, facts[run.pk])
            price = prices.get((run.engine, _tier(run, plan))) if plan else None
            if plan and price and _key(run, remedy) not in pressed:
                credits = pricing.credits_for(price, run.missing, references=plan.references)
                found[run.pk][remedy] = Offer(plan.label, credits)
    return found


def remedy(run: Run, remedy: Remedy, *, actor: User) -> Run:
    """Make a run for the missing images of `run`, with the options of `remedy`, at today's price.

    A second press returns the same run. Raises SubmissionRefused if the run has not ended or the
    remedy does not fit it, and UnsupportedOption and InsufficientCredits as `submit` does.
    """
    able = usable_engine(run.engine, user=actor).capabilities
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run.pk)
        key = _key(run, remedy)
        if earlier := Run.objects.filter(user=actor, idempotency_key=key).first():
            return earlier
        check_something_is_missing(run)
        plan = _plan(run, remedy, able, _facts_of([run])[run.pk])
        if plan is None:
            raise SubmissionRefused(
                _("This run can't be changed this way. Edit the prompt instead.")
            )
        request = _request(run, plan, key, able)
        about = {"remedy": str(remedy), "of": str(run.uuid)}
        return submit(actor, replace(request, make_again=work_digest(request)), facts=about)


def _key(run: Run, remedy: Remedy) -> uuid.UUID:
    return uuid.uuid5(run.uuid, f"{remedy}:{run.delivered}")


def _pressed(runs: Sequence[Run], user: User) -> set[uuid.UUID]:
    keys = [_key(run, remedy) for run in runs for remedy in ONE_PRESS_REMEDIES]
    made = Run.objects.filter(user=user, idempotency_key__in=keys)
    return set(made.values_list("idempotency_key", flat=True))


def _facts_of(runs: Sequence[Run]) -> dict[int, _Facts]:
    keys = [run.pk for run in runs]
    asked = Generation.objects.filter(run__in=keys).order_by()
    most = dict(asked.values_list("run").annotate(Max("wanted")))
    given = RunReference.objects.filter(run__in=keys).order_by()
    references = dict(given.values_list("run").annotate(Count("pk")))
    return {key: _Facts(references.get(key, 0), most.get(key, 0)) for key in keys}


def _plan(run: Run, remedy: Remedy, able: Capabilities, facts: _Facts) -> _Plan | None:
    """What `remedy` asks for instead of the run's own options; None if it does not fit."""
    match remedy:
        case Remedy.LOWER_RESOLUTION:
            if size := _lower(run, able):
                kept = {name: run.options[name] for name in run.options.keys() - _SIZE}
                label = _("Try at %(tier)s") % {"tier": size["resolution"]}
                return _Plan(label, kept | size, facts.references)
        case Remedy.WITHOUT_REFERENCES:
            if facts.references and not able.min_references:
                options = _with_own_format(run.options, able)
                return _Plan(_("Try without references"), options, references=0)
        case Remedy.FEWER_AT_A_TIME:
            if facts.most_at_a_time > FEWER and not run.options.get("sequential"):
                label = ngettext("%(count)d image at a time", "%(count)d images at a time", FEWER)
                options = run.options | {IMAGES_AT_A_TIME: FEWER}
                return _Plan(label % {"count": FEWER}, options, facts.references)
    return None


_SIZE = {"resolution", "aspect_ratio", "width", "height"}


def _lower(run: Run, able: Capabilities) -> dict[str, str] | None:
    """The largest size below the run's with the same aspect ratio, as options; None if none."""
    asked = GenerationRequest.from_options(run.options, engine=run.engine, prompt="")
    if asked.aspect_ratio == AS_REFERENCE:
        tiers = list(able.sizes)
        below = tiers[: tiers.index(asked.resolution)] if asked.resolution in tiers else []
        return {"resolution": below[-1], "aspect_ratio": AS_REFERENCE} if below else None
    try:
        width, height = able.size(asked)
    except KeyError:
        return None
    lower = {
        (tier, ratio): size
        for tier, sizes in able.sizes.items()
        for ratio, size in sizes.items()
        if math.prod(size) < width * height and _is_same_format(asked, ratio, size)
    }
    if not lower:
        return None
    tier, ratio = max(lower, key=lambda size: math.prod(lower[size]))
    return {"resolution": tier, "aspect_ratio": ratio}


def _with_own_format(options: dict[str, Any], able: Capabilities) -> dict[str, Any]:
    """`options` with the engine's first aspect ratio if it was that of a reference."""
    if options.get("aspect_ratio") != AS_REFERENCE:
        return options
    ratios = able.aspect_ratios(options.get("resolution", ""))
    return {**options, "aspect_ratio": ratios[0] if ratios else ""}


def _is_same_format(asked: GenerationRequest, ratio: str, size: tuple[int, int]) -> bool:
    if asked.resolution != CUSTOM:
        return ratio == asked.aspect_ratio
    return is_same_format((asked.width or 1, asked.height or 1), size)


def _tier(run: Run, plan: _Plan) -> str:
    request = GenerationRequest.from_options(
        plan.options,
        engine=run.engine,
        prompt=run.prompt,
        num_images=run.missing,
    )
    return registry.adapter_class(provider_of(run.engine)).tier(request)


def _request(run: Run, plan: _Plan, key: uuid.UUID, able: Capabilities) -> RunRequest:
    rows = run.run_references.select_related("reference") if plan.references else ()
    return RunRequest(
        engine=run.engine,
        prompt=run.prompt,
        num_images=run.missing,
        idempotency_key=key,
        options=with_next_seed(run, plan.options, able),
        references=[row.reference for row in rows],
        campaign=run.campaign.name if run.campaign else "",
        parent=run.uuid,
    )


def with_next_seed(run: Run, options: Mapping[str, Any], able: Capabilities) -> dict[str, Any]:
    """`options` with the seed of the first missing image instead of the run's first image."""
    if options.get("seed") is None:
        return dict(options)
    return {**options, "seed": able.seed_at(free_positions(run)[0], asked=options["seed"])}
