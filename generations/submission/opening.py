"""The requests to a provider that fill the frames of a run: their rows and their credits."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from accounts import ledger
from accounts.models import User
from generations import hints, live, pricing
from generations.models import Generation, Price, Run
from generations.providers.types import Capabilities
from generations.submission.asking import IMAGES_AT_A_TIME, SubmissionRefused


def open_requests(
    run: Run, slots: Sequence[int], *, able: Capabilities, price: Price, actor: User
) -> list[Generation]:
    """Make and queue what fills `slots`, and hold its credits. Raises InsufficientCredits."""
    generations = _generations(run, slots, _per_request(run.options, able), price)
    amounts = {row.uuid: pricing.credits_for(row.price, row.wanted) for row in generations}
    for row in generations:
        row.save(force_insert=True)
        hints.hint(hints.SUBMIT)
    live.bump(run.user_id)
    # Last, so that the allowance's row is locked for as short as can be.
    ledger.reserve(actor, amounts, price=generations[0].price.uuid)
    return generations


def check_something_is_missing(run: Run) -> None:
    """Raises SubmissionRefused while anything of the run may still come, or when all has."""
    if run.open or run.unknown:
        raise SubmissionRefused(_("Wait until nothing of this run is open, then try again."))
    if not run.missing:
        raise SubmissionRefused(_("All images of this run have arrived."))


def free_slots(run: Run) -> list[int]:
    """The frames for the images of a run that are missing.

    A set is one request and so needs frames in a row: they stand behind all pictures that came.
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
