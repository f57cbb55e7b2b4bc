"""Try again: ask once more, in the same run, for the images that did not come."""

from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations import pricing
from generations.models import Run
from generations.providers.types import GenerationRequest
from generations.submission.asking import no_price, usable_engine
from generations.submission.opening import check_something_is_missing, free_positions, open_requests


def try_again(run: Run, *, actor: User) -> Run:
    """Ask once more for the missing images of a run, at today's price.

    Raises InsufficientCredits, or SubmissionRefused if the run has not ended.
    """
    able = usable_engine(run.engine, user=actor).capabilities
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run.pk)
        check_something_is_missing(run)
        missing = run.missing
        asked = GenerationRequest.from_options(run.options, engine=run.engine, prompt=run.prompt)
        price = pricing.price_of(asked)
        if price is None:
            raise no_price()
        opened = open_requests(run, free_positions(run), able=able, price=price, actor=actor)
        Run.objects.filter(pk=run.pk).update(open=F("open") + missing)
        facts = {
            "images": missing,
            "engine": run.engine,
            "price": str(price.uuid),
            "credits": sum(row.reserved_credits for row in opened.generations),
            "generations": [str(row.uuid) for row in opened.generations],
            "entries": opened.entries,
        }
        audit.record(Event.RUN_RETRIED, actor=actor, subject=run, story=run.uuid, facts=facts)
    run.refresh_from_db()
    return run
