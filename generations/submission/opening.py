"""Opens the requests that fill positions of a run: writes their rows and reserves credits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import credit_requests, ledger
from accounts.models import User
from generations import budgets, live, usage
from generations.jobs import hints
from generations.models import Generation, Price, Reference, Run
from generations.models.money import to_micros
from generations.providers.capabilities import Capabilities, provider_of
from generations.submission.asking import (
    IMAGES_AT_A_TIME,
    BudgetRefused,
    SubmissionRefused,
    refused_reference,
)


@dataclass(frozen=True)
class Opened:
    """The generations, and the digests of the entries that reserve their credits."""

    generations: list[Generation]
    entries: list[str]


def open_requests(
    run: Run,
    positions: Sequence[int],
    *,
    able: Capabilities,
    price: Price,
    actor: User,
    has_references: bool = True,
) -> Opened:
    """Make and queue the generations that fill `positions`, and reserve their credits.

    `has_references` is False if the caller knows that the run has none. Raises InsufficientCredits,
    or SubmissionRefused if a reference has turned out unusable or a budget is used up.
    """
    waits_since = _waits_for_references(run) if has_references else None
    references = references_of(run) if has_references else 0
    generations = _generations(run, positions, _per_request(run.options, able), price)
    for row in generations:
        row.preparing_since, row.references = waits_since, references
    months = budgets.months_of(run.team)
    months.put_on(generations)
    Generation.objects.bulk_create(generations)
    hints.hint(hints.SUBMIT)
    live.bump(run.user_id)
    credit_requests.used(actor, run.prompt)
    # Last, so that the rows of allowances and budgets are locked as briefly as possible.
    amounts = {row.uuid: row.reserved_credits for row in generations}
    entries = ledger.reserve(actor, amounts, price=price.uuid)
    _reserve_usd(months, generations, actor)
    return Opened(generations, entries)


def references_of(run: Run) -> int:
    """How many references each image of `run` is made from."""
    return run.run_references.count()


def _reserve_usd(months: budgets.Months, generations: Sequence[Generation], actor: User) -> None:
    try:
        months.reserve(generations)
    except budgets.BudgetUsedUp as error:
        raise BudgetRefused(_budget_in_words(error, actor)) from error


def why_no_budget(user: User, price: Price, images: int, *, references: int) -> str:
    """Why no budget covers so many images now, and what to do; empty if nothing stops the run."""
    cost = images * to_micros(price.usd_of_image(references))
    error = budgets.shortfall(user.team, cost)
    return _budget_in_words(error, user) if error else ""


def _budget_in_words(error: budgets.BudgetUsedUp, user: User) -> str:
    return error.in_words(with_amounts=user.has_perm("generations.view_budget"))


def _waits_for_references(run: Run) -> datetime | None:
    """Now, if a reference of the run is still to be cleaned; else None.

    The rows are locked, so either the worker that cleans a reference sees this run, or this
    function sees that it is clean.
    """
    given = Reference.objects.filter(pk__in=run.run_references.values("reference"))
    awaited = given.exclude(status=Reference.Status.READY).order_by("pk").select_for_update()
    for reference in awaited:
        if reference.status == Reference.Status.REFUSED:
            raise refused_reference(reference)
    return timezone.now() if awaited else None


def check_something_is_missing(run: Run) -> None:
    """Raise SubmissionRefused if the run was erased, has not ended, or has all its images."""
    if run.erased_at:
        raise SubmissionRefused(_("The prompt of this run was erased. Write a new one."))
    if run.open or run.unknown:
        raise SubmissionRefused(_("This run has not ended yet. Wait until it has, then try again."))
    if not run.missing:
        raise SubmissionRefused(_("All images of this run have arrived."))


def free_positions(run: Run) -> list[int]:
    """The positions for the images that the run still lacks.

    A set is one request, so its positions must follow one another: they come after all images of
    the run.
    """
    if run.options.get("sequential"):
        last = run.images.aggregate(last=Max("position"))["last"]
        first = 0 if last is None else last + 1
        return list(range(first, first + run.missing))
    taken = set(run.images.values_list("position", flat=True))
    free = [position for position in range(run.wanted + len(taken)) if position not in taken]
    return free[: run.missing]


def _per_request(options: dict[str, Any], able: Capabilities) -> int:
    sequential = bool(options.get("sequential"))
    most = able.per_request(sequential=sequential)
    return most if sequential else min(most, options.get(IMAGES_AT_A_TIME, most))


def _generations(
    run: Run, positions: Sequence[int], per_request: int, price: Price
) -> list[Generation]:
    """One generation for each group of consecutive positions that one request can fill."""
    generations: list[Generation] = []
    for position in positions:
        last = generations[-1] if generations else None
        if last and last.position + last.wanted == position and last.wanted < per_request:
            last.wanted += 1
        else:
            asked: dict[str, Any] = {
                "provider": provider_of(run.engine),
                "price": price,
                "day": usage.day_of(run.team),
            }
            generations.append(
                Generation(run=run, user=run.user, position=position, wanted=1, **asked)
            )
    return generations
