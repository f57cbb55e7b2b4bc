"""Sends a run's missing images to another provider, if its own is down or blocked.

The new run has the same request, and the price of the other engine. What waits in the first run is
cancelled in the same transaction: either both happen or nothing does.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.phrases import sentences
from generations import offering, pricing
from generations.jobs import lifecycle, provider_health
from generations.models import Generation, Price, Run, RunReference
from generations.offering import OfferedEngine
from generations.providers import registry
from generations.providers.advice import Remedy
from generations.providers.capabilities import (
    CUSTOM,
    Capabilities,
    is_same_format,
    provider_of,
)
from generations.providers.errors import Code, UnsupportedOption
from generations.providers.types import GenerationRequest
from generations.providers.unsupported import OPTION_LABELS
from generations.providers.validation import validate
from generations.states import ENDED, Status
from generations.submission.asking import (
    RunRequest,
    SubmissionRefused,
    as_generation_request,
    quote,
    usable_engine,
)
from generations.submission.creating import submit
from generations.submission.identical import work_digest
from generations.submission.opening import check_something_is_missing
from generations.submission.remedies import with_next_seed

# In line, and no provider can have accepted it: without an idempotency key, a request comes back
# into line only if it was surely not accepted.
SURELY_UNSENT = Q(idempotency_key="", may_arrive_until__isnull=True)
# Failures of a provider or of its key, and not of the request.
OF_THE_PROVIDER = frozenset(
    {
        *(Code.AUTH, Code.FORBIDDEN, Code.INSUFFICIENT_BALANCE, Code.NOT_FOUND),
        *(Code.MISDIRECTED, Code.CONNECTION, Code.RATE_LIMITED),
    }
)
# What may be left out, with a word, if the other engine does not have it.
OPTIONAL = (
    *("negative_prompt", "seed", "guidance_scale", "output_format"),
    *("enhance_prompt", "use_pre_llm"),
)


@dataclass(frozen=True)
class Elsewhere:
    """An offer to send a run to another engine. `label` is for its button.

    `credits` are those for all missing images. `left_out` are the options of the run that the
    engine does not have, `is_resized` says that it lacks the size, and `note` tells both.
    """

    engine: str
    label: str
    credits: int
    left_out: tuple[str, ...] = ()
    note: str = ""
    is_resized: bool = False


@dataclass(frozen=True)
class _Market:
    """What is known of all engines: those that can serve now, and their prices."""

    engines: Sequence[OfferedEngine]
    prices: Mapping[tuple[str, str], Price]


def offers_elsewhere(
    runs: Mapping[int, Run], generations: Mapping[int, Sequence[Generation]], *, user: User
) -> dict[int, Elsewhere]:
    """The best offer for each run of `user` that its provider can't serve, by primary key.

    The number of queries does not grow with the runs. There are none if every run goes its way.
    """
    able = [
        run
        for key, run in runs.items()
        if run.user_id == user.pk and not run.erased_at and _is_surely_unsent(generations[key])
    ]
    stuck = _stuck(able, generations)
    pressed = _pressed(stuck, user)
    stuck = [run for run in stuck if _key(run) not in pressed]
    if not stuck:
        return {}
    market, references = _market(user), _references(stuck)
    best = {run.pk: _best(run, references.get(run.pk, 0), market) for run in stuck}
    return {key: offer for key, offer in best.items() if offer}


def send_elsewhere(run: Run, engine: str, *, credits: int, actor: User) -> Run:
    """Cancel what waits in `run`, and ask for its missing images at `engine`.

    `credits` are those that the person was shown. A second press returns the first run, whichever
    engine it names. Raises SubmissionRefused if something may have been sent or the price is
    another one, and what `submit` raises; then nothing has changed.
    """
    with transaction.atomic():
        _cancel_waiting(run, actor)
        run = Run.objects.select_for_update().get(pk=run.pk)
        if earlier := Run.objects.filter(user=actor, idempotency_key=_key(run)).first():
            return earlier
        check_something_is_missing(run)
        able = usable_engine(engine, user=actor).capabilities
        options, left_out = _fitted(run, able)
        request = _request(run, engine, with_next_seed(run, options, able))
        _check_price(request, credits)
        facts = {"remedy": str(Remedy.OTHER_ENGINE), "of": str(run.uuid)}
        again = replace(request, make_again=work_digest(request))
        return submit(
            actor, again, facts=facts | ({"left_out": list(left_out)} if left_out else {})
        )


def _cancel_waiting(run: Run, actor: User) -> None:
    """Cancel each request of `run` that waits. Raises SubmissionRefused if one can't be."""
    rows = Generation.objects.filter(run=run).exclude(status__in=ENDED)
    # The requests before the run, as every change of a status does.
    waiting = list(rows.order_by("pk").select_for_update())
    for generation in waiting:
        is_waiting = generation.status == Status.QUEUED
        if not is_waiting or not lifecycle.move(
            generation,
            Status.CANCELLED,
            guard=SURELY_UNSENT,
            actor=actor,
            facts={"why": "sent_elsewhere"},
        ):
            raise _may_have_been_sent()
    if Generation.objects.filter(run=run, may_arrive_until__isnull=False).exists():
        raise _may_have_been_sent()


def _may_have_been_sent() -> SubmissionRefused:
    message = _("The provider may have this request by now, so it was left as it is.")
    return SubmissionRefused(message)


def _check_price(request: RunRequest, credits: int) -> None:
    if quote(as_generation_request(request)) != credits:
        raise SubmissionRefused(_("The price has changed. Look at the new one and press again."))


def _is_surely_unsent(generations: Iterable[Generation]) -> bool:
    """Whether each request has ended for good, or waits and was surely not accepted."""
    return all(
        row.may_arrive_until is None
        and (row.status in ENDED or (row.status == Status.QUEUED and not row.idempotency_key))
        for row in generations
    )


def _stuck(runs: Sequence[Run], generations: Mapping[int, Sequence[Generation]]) -> list[Run]:
    """The runs whose provider is down or blocked: they wait for it, or failed because of it."""
    waiting = {run.engine for run in runs if run.open}
    standstills = provider_health.standstills(waiting) if waiting else {}
    return [
        run
        for run in runs
        if run.wanted > run.delivered
        and ((run.open and run.engine in standstills) or _failed_there(run, generations[run.pk]))
    ]


def _failed_there(run: Run, generations: Iterable[Generation]) -> bool:
    waits = bool(run.open)
    states = (Status.QUEUED,) if waits else (Status.FAILED,)
    return any(row.status in states and row.error_code in OF_THE_PROVIDER for row in generations)


def _pressed(runs: Sequence[Run], user: User) -> set[uuid.UUID]:
    if not runs:
        return set()
    made = Run.objects.filter(user=user, idempotency_key__in=[_key(run) for run in runs])
    return set(made.values_list("idempotency_key", flat=True))


def _key(run: Run) -> uuid.UUID:
    return uuid.uuid5(run.uuid, f"{Remedy.OTHER_ENGINE}:{run.delivered}")


def _market(user: User) -> _Market:
    offered = offering.offered_to(user)
    standing = provider_health.standstills(offered)
    engines = [each for name, each in offered.items() if name not in standing]
    real = [each for each in engines if each.engine.provider != registry.DEMO]
    return _Market(real, pricing.prices_in_force([each.engine.name for each in real]))


def _references(runs: Sequence[Run]) -> dict[int, int]:
    given = RunReference.objects.filter(run__in=[run.pk for run in runs]).order_by()
    return dict(given.values_list("run").annotate(Count("pk")))


def _best(run: Run, references: int, market: _Market) -> Elsewhere | None:
    """The offer with the same model and size, the fewest options left out, and the lowest price."""
    model = _label(run.engine)
    found = [
        (
            *(each.engine.label != model, offer.is_resized, len(offer.left_out)),
            *(offer.credits, number, offer),
        )
        for number, each in enumerate(market.engines)
        if (offer := _offer(run, references, each, market))
    ]
    return min(found)[-1] if found else None


def _offer(run: Run, references: int, offered: OfferedEngine, market: _Market) -> Elsewhere | None:
    """The offer of one engine; None if it can't make the images of `run`."""
    engine = offered.engine
    if engine.provider == provider_of(run.engine):
        return None
    options, left_out = _fitted(run, engine.capabilities)
    missing = run.wanted - run.delivered
    asked = GenerationRequest.from_options(
        options, engine=engine.name, prompt=run.prompt, num_images=missing
    )
    try:
        links = settings.SERVED_OVER_HTTPS
        validate(engine, asked, references=references, links_possible=links)
    except UnsupportedOption:
        return None
    tier = registry.adapter_class(engine.provider).tier(asked)
    price = market.prices.get((engine.name, tier))
    if price is None:
        return None
    credits = pricing.credits_for(price, missing, references=references)
    is_same_model = engine.label == _label(run.engine)
    where = offered.provider if is_same_model else offered.full_label
    label = _("Send to %(provider)s instead") % {"provider": where}
    resized = _resized(run, engine.capabilities, options, where)
    note = sentences(resized, _note(where, left_out))
    return Elsewhere(engine.name, label, credits, left_out, note, bool(resized))


def _note(where: str, left_out: Sequence[str]) -> str:
    """A sentence on what the engine does not have; empty if it has everything."""
    if not left_out:
        return ""
    names = ", ".join(str(OPTION_LABELS[name]) for name in left_out)
    text = _("%(provider)s does not have these options, so they would be left out: %(options)s.")
    return text % {"provider": where, "options": names}


def _label(name: str) -> str:
    engine = registry.known_engines().get(name)
    return engine.label if engine else ""


def _fitted(run: Run, able: Capabilities) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The options of `run` without those that an engine does not have, and the names of these.

    If the engine lacks the size, it is the nearest of the same format.
    """
    options = _in_size(run, able)
    left_out = tuple(
        name for name in OPTIONAL if options.get(name) is not None and not _has(able, name, options)
    )
    return {name: value for name, value in options.items() if name not in left_out}, left_out


def _in_size(run: Run, able: Capabilities) -> dict[str, Any]:
    options = dict(run.options)
    size = _pixels(run.engine, options)
    if size is None or _has_size(able, options):
        return options
    same = [
        (abs(width * height - size[0] * size[1]), tier, ratio)
        for tier, ratios in able.sizes.items()
        for ratio, (width, height) in ratios.items()
        if is_same_format((width, height), size)
    ]
    if not same:
        return options
    _away, tier, ratio = min(same)
    kept = {name: value for name, value in options.items() if name not in ("width", "height")}
    return kept | {"resolution": tier, "aspect_ratio": ratio}


def _has_size(able: Capabilities, options: Mapping[str, Any]) -> bool:
    resolution = options.get("resolution", "")
    if resolution == CUSTOM:
        sides = options.get("width") or 0, options.get("height") or 0
        return able.custom_size is not None and able.custom_size.allows(*sides)
    return options.get("aspect_ratio", "") in able.aspect_ratios(resolution)


def _pixels(engine: str, options: Mapping[str, Any]) -> tuple[int, int] | None:
    """The size that these options ask an engine for; None if no page says."""
    if options.get("width") and options.get("height"):
        return options["width"], options["height"]
    known = registry.known_engines().get(engine)
    ratios = known.capabilities.sizes.get(options.get("resolution", ""), {}) if known else {}
    return ratios.get(options.get("aspect_ratio", ""))


def _resized(run: Run, able: Capabilities, options: Mapping[str, Any], where: str) -> str:
    """A sentence on the size, if it is not the one that was asked for."""
    asked = _pixels(run.engine, run.options)
    size = able.sizes.get(options.get("resolution", ""), {}).get(options.get("aspect_ratio", ""))
    if _has_size(able, run.options) or asked is None or size is None:
        return ""
    text = _("%(provider)s does not have the size %(asked)s, so these images would be %(size)s.")
    sizes = {"asked": "{}×{}".format(*asked), "size": "{}×{}".format(*size)}
    return text % {"provider": where, **sizes}


def _has(able: Capabilities, name: str, options: Mapping[str, Any]) -> bool:
    value = options[name]
    if name == "output_format":
        return value in able.output_formats
    if name in ("seed", "guidance_scale"):
        limits = getattr(able, name)
        return limits is not None and limits.minimum <= value <= limits.maximum
    return bool(getattr(able, name))


def _request(run: Run, engine: str, options: dict[str, Any]) -> RunRequest:
    rows = run.run_references.select_related("reference")
    return RunRequest(
        engine=engine,
        prompt=run.prompt,
        num_images=run.missing,
        idempotency_key=_key(run),
        options=options,
        references=[row.reference for row in rows],
        campaign=run.campaign.name if run.campaign else "",
        parent=run.uuid,
    )
