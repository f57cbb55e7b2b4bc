"""The steps of an erasure. Each does one batch and returns whether there may be more.

Every step may be repeated: after a killed worker, the next one begins again and finds what is left.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db.models import Q

from accounts import forgetting
from accounts.models import User
from generations import holds
from generations.erasing import mentions, pictures, retention, texts
from generations.erasing.order import Order
from generations.erasing.targets import Scope, Target, target_of
from generations.exports import ends
from generations.models import Erasure, RetentionRule, SavedDraft

Check = Callable[[], None]
Step = Callable[[], bool]


def steps_of(erasure: Erasure) -> Iterator[Step]:
    """The steps, in order. Raises ErasureRefused if what is to be erased does not exist."""
    target = target_of(erasure.scope, erasure.subject, pictures=erasure.pictures)
    order = Order(erasure, target.row, target.story)
    if erasure.scope == Scope.RULE:
        yield from _of_rule(order, target.row)
    else:
        yield from _of_target(order, target)
    yield _withdraw_exports


def _of_target(order: Order, target: Target) -> Iterator[Step]:
    check = target.check
    # Before the records are emptied that say the names of the person.
    known = mentions.known(target.row) if target.scope == Scope.PERSON else None
    if known:
        yield _checked(check, _Mentions(order, known))
    yield lambda: texts.erase_next(order, target.runs, check=check) > 0
    yield _checked(check, lambda: pictures.mark_images(order, target.images) > 0)
    yield _checked(check, lambda: pictures.mark_uploads(order, target.uploads) > 0)
    yield lambda: pictures.delete_files(order) > 0
    yield from _payloads(order, check, target.records)
    if known:
        yield _checked(check, lambda: _forget(target.row))
        # What was recorded in between.
        yield from _payloads(order, check, target.records)
        yield _checked(check, _Mentions(order, known))


def _of_rule(order: Order, rule: RetentionRule) -> Iterator[Step]:
    before = retention.before(rule, order.erasure.asked_at)
    if rule.kind == RetentionRule.Kind.PROMPTS:
        yield lambda: texts.erase_next(order, retention.runs(rule, before), check=_nothing) > 0
        yield lambda: _forget_old_drafts(rule, before)
    elif rule.kind == RetentionRule.Kind.PICTURES:
        yield lambda: pictures.mark_images(order, retention.images(rule, before)) > 0
        yield lambda: pictures.mark_uploads(order, retention.uploads(rule, before)) > 0
        yield lambda: pictures.delete_files(order) > 0
    else:
        yield from _payloads(order, _nothing, [retention.payloads(rule, before)])
        yield lambda: retention.note_done(rule, before)


def _forget(person: User) -> bool:
    """Erase what is about a person, or by them, outside runs and log. Once is enough."""
    texts.empty_texts_of_uploads(person)
    texts.delete_snippets(person)
    texts.forget_drafts(SavedDraft.objects.filter(pk=person.pk))
    forgetting.forget(person)
    return False


def _forget_old_drafts(rule: RetentionRule, before: datetime) -> bool:
    """Delete the drafts that nobody has changed for as long. Once is enough."""
    texts.forget_drafts(retention.old_drafts(rule, before))
    return False


def _withdraw_exports() -> bool:
    """Withdraw the exports that may hold what was erased by the steps before. Once is enough."""
    ends.withdraw_all()
    return False


def _payloads(order: Order, check: Check, records: list[Q]) -> Iterator[Step]:
    for each in records:
        yield _checked(check, _Emptying(order, each))


class _Emptying:
    """Empties payloads, batch after batch, from where the last batch ended."""

    def __init__(self, order: Order, records: Q) -> None:
        self._order, self._records = order, records
        self._after = 0

    def __call__(self) -> bool:
        last = self._order.empty_next(self._records, after=self._after)
        self._after = last or self._after
        return last is not None


class _Mentions:
    """Erases what others typed about a person, batch after batch."""

    def __init__(self, order: Order, known: mentions.Known) -> None:
        self._order, self._known = order, known
        self._batches = mentions.found(known)

    def __call__(self) -> bool:
        batch = next(self._batches, None)
        if batch:
            mentions.erase(self._order, batch, self._known)
        return batch is not None


def _checked(check: Check, step: Step) -> Step:
    """`step` if `check` does not raise; no hold is placed between the two."""

    def run() -> bool:
        with holds.decided():
            check()
            return step()

    return run


def _nothing() -> None:
    """Rules choose only what may be erased."""
