"""Erases what people wrote in runs, and what was sent to providers and came back."""

from collections.abc import Callable, Sequence

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import forgetting
from accounts.events import Event
from accounts.models import CreditRequest, User
from generations import holds, live, storage
from generations.erasing.order import Order
from generations.models import (
    ERASED,
    Delivery,
    Generation,
    Reference,
    Run,
    SavedDraft,
    Snippet,
    WebhookEvent,
)
from generations.models.prompt_index import index_runs

# Runs of one transaction.
BATCH = 20
# The options that are text of a person; all others are choices of a form.
TEXT_OPTIONS = ("negative_prompt",)


def erase_next(order: Order, runs: QuerySet[Run], *, check: Callable[[], None]) -> int:
    """Erase the texts of the next runs of `runs`; returns of how many.

    `check` raises if they may not be erased. Both are asked again in the transaction that erases.
    """
    with holds.decided():
        check()
        left = runs.filter(erased_at__isnull=True).order_by("pk")
        keys = list(left.values_list("pk", flat=True)[:BATCH])
    erase_originals(order, Delivery.objects.filter(generation__run__in=keys))
    with holds.decided():
        check()
        rows = list(runs.filter(pk__in=keys, erased_at__isnull=True).order_by("pk"))
        if rows:
            _erase(order, rows)
    return len(rows)


def erase_originals(order: Order, deliveries: QuerySet[Delivery]) -> None:
    """Delete the files as the providers sent them: the prompt may stand in them."""
    for delivery in deliveries.exclude(original_name=""):
        order.erase_file(storage.originals(), delivery.original_name)
        Delivery.objects.filter(pk=delivery.pk).update(original_name="")


def empty_texts_of_uploads(owner: User) -> None:
    """Empty what a person wrote about the licences of their uploads, and the files' names."""
    uploads = Reference.objects.filter(owner=owner)
    uploads.exclude(licence="", file_name="").update(licence="", file_name="")


def delete_snippets(author: User) -> None:
    """Delete the snippets that a person wrote for their team."""
    Snippet.objects.filter(author=author).delete()


def forget_drafts(drafts: QuerySet[SavedDraft]) -> None:
    """Delete what people last chose and wrote in the composer."""
    drafts.delete()


def _forget_drafts_of(runs: Sequence[Run]) -> None:
    """Delete the drafts of the authors in which the texts of `runs` still stand.

    So with what their requests for credits are for.
    """
    texts: dict[int, list[str]] = {}
    for run in runs:
        written = [run.prompt, *(str(run.options.get(name) or "") for name in TEXT_OPTIONS)]
        texts.setdefault(run.user_id, []).extend(filter(None, map(str.strip, written)))
    for draft in SavedDraft.objects.filter(pk__in=texts):
        kept = [str(value) for values in (draft.given, draft.replaced) for value in values.values()]
        if any(text in each for text in texts[draft.pk] for each in kept):
            forget_drafts(SavedDraft.objects.filter(pk=draft.pk))
    for asked in CreditRequest.objects.filter(user__in=texts).exclude(draft={}):
        kept = [str(value) for value in asked.draft.values()]
        if any(text in each for text in texts[asked.user_id] for each in kept):
            CreditRequest.objects.filter(pk=asked.pk).update(draft={})


def _erase(order: Order, runs: Sequence[Run]) -> None:
    generations = Generation.objects.filter(run__in=runs)
    order.empty(Q(record__story__in=[run.uuid for run in runs]))
    forgetting.empty_reasons_of(list(generations.values_list("uuid", flat=True)))
    WebhookEvent.objects.filter(generation__run__in=runs).delete()
    Delivery.objects.filter(generation__run__in=runs).update(url="")
    _forget_drafts_of(runs)
    generations.update(body=None, error_message="", task_urls={})
    for run in runs:
        run.prompt, run.content_digest, run.work_digest = ERASED, "", ""
        run.options = {name: run.options[name] for name in run.options if name not in TEXT_OPTIONS}
        run.erased_at = timezone.now()
        order.record(Event.RUN_ERASED, run, story=run.uuid)
        live.bump(run.user_id)
    columns = ["prompt", "content_digest", "work_digest", "options", "erased_at"]
    Run.objects.bulk_update(runs, columns)
    index_runs(runs)
    order.moved(runs=len(runs))
