"""What the retention rules erase by age. Nothing under a legal hold is among it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.audit import erasing
from accounts.audit.canonical import timestamp
from accounts.events import Event
from generations import holds
from generations.erasing.targets import may_get_images
from generations.models import (
    Erasure,
    Image,
    Reference,
    RetentionRule,
    Run,
    RunReference,
    SavedDraft,
)

Kind = RetentionRule.Kind
COUNTED_MOST = 10_000
# What an order counts.
COUNTS = ("records", "runs", "images", "uploads")
# By kind: the events whose payloads hold nothing else.
EVENTS = {
    Kind.REFUSED: (Event.RUN_REFUSED,),
    Kind.CALLERS: (
        Event.USER_SIGNED_IN,
        Event.USER_SIGNED_OUT,
        Event.USER_SESSIONS_ENDED,
        Event.USER_RESET_ASKED,
        Event.USER_SIGN_IN_FAILED,
        Event.REFERENCE_FETCHED,
        Event.WEBHOOK_FORGED,
    ),
}


@dataclass(frozen=True)
class Due:
    """What a rule would erase now: how many, at most `COUNTED_MOST` + 1, and the oldest."""

    rule: RetentionRule
    count: int
    oldest: datetime | None

    @property
    def is_more(self) -> bool:
        return self.count > COUNTED_MOST


def due() -> Iterator[Due]:
    """What each rule would erase now, also of rules that are not active."""
    for rule in RetentionRule.objects.select_related("campaign").order_by("kind", "pk"):
        yield due_of(rule)


def due_of(rule: RetentionRule) -> Due:
    """What a rule would erase now."""
    rows, time = _rows(rule, before(rule, timezone.now())), _TIME[rule.kind]
    oldest = rows.order_by(time).values_list(time, flat=True).first()
    return Due(rule, rows.order_by()[: COUNTED_MOST + 1].count(), oldest)


@transaction.atomic
def order_due() -> int:
    """Order an erasure for each active rule that has something to erase; returns how many."""
    ordered = 0
    for rule in RetentionRule.objects.filter(is_active=True):
        is_open = Erasure.objects.exclude(status=Erasure.Status.DONE).filter(subject=rule.uuid)
        if is_open.exists() or not any(rows.exists() for rows in _due(rule)):
            continue
        Erasure.objects.create(
            scope=Erasure.Scope.RULE,
            subject=rule.uuid,
            rule={"kind": rule.kind, "days": rule.days, "campaign_id": rule.campaign_id},
            next_try_at=timezone.now(),
        )
        ordered += 1
    return ordered


def before(rule: RetentionRule, at: datetime) -> datetime:
    """What is older than this is erased by an order that was given at `at`."""
    return at - timedelta(days=rule.days)


def runs(rule: RetentionRule, before: datetime) -> QuerySet[Run]:
    """The runs whose texts are due."""
    old = _of_rule(Run.objects.filter(erased_at__isnull=True), rule, "campaign")
    return old.filter(
        ~holds.covers_run(), ~may_get_images(), created_at__lt=before, open=0, unknown=0
    )


def old_drafts(rule: RetentionRule, before: datetime) -> QuerySet[SavedDraft]:
    """The drafts in the composer that are due. A draft belongs to no campaign for certain."""
    if rule.campaign_id:
        return SavedDraft.objects.none()
    return SavedDraft.objects.filter(updated_at__lt=before).exclude(user__in=holds.held_people())


def images(rule: RetentionRule, before: datetime) -> QuerySet[Image]:
    """The images whose files are due."""
    old = _of_rule(Image.objects.filter(erased_at__isnull=True), rule, "run__campaign")
    return old.filter(~holds.covers_image(), created_at__lt=before)


def uploads(rule: RetentionRule, before: datetime) -> QuerySet[Reference]:
    """The uploads whose files are due: no run that uses them is younger, held, or has images."""
    old = Reference.objects.filter(erased_at__isnull=True, image__isnull=True)
    used = RunReference.objects.filter(reference=OuterRef("pk"))
    shown = Image.objects.filter(run__run_references__reference=OuterRef("pk"))
    old = old.filter(
        ~Exists(shown.filter(erased_at__isnull=True)),
        ~Exists(used.filter(run__created_at__gte=before)),
        ~Exists(used.filter(run__in=Run.objects.filter(holds.covers_run()))),
        ~Q(owner__in=holds.held_people()),
        ~Q(status=Reference.Status.PENDING),
        created_at__lt=before,
    )
    if rule.campaign_id:
        return old.filter(Exists(used.filter(run__campaign=rule.campaign_id)))
    return old.exclude(Exists(used.filter(run__campaign__in=_special(rule))))


def payloads(rule: RetentionRule, before: datetime) -> Q:
    """The records whose payloads are due, as a condition on `RecordPayload`."""
    people = holds.held_people()
    old = Q(record__event__in=EVENTS[Kind(rule.kind)], record__at__lt=before)
    if rule.done_before:
        old &= Q(record__at__gte=rule.done_before)
    held_actor = Q(record__actor__in=people)
    return old & ~held_actor & ~Q(record__subject_id__in=people.values("uuid"))


def note_done(rule: RetentionRule, moment: datetime) -> bool:
    """Look no more at records older than this. Returns False: nothing is left."""
    RetentionRule.objects.filter(pk=rule.pk).update(done_before=moment)
    return False


def record_applied(erasure: Erasure) -> None:
    """Record what the rule of this order has erased, unless it was nothing."""
    counts = {name: getattr(erasure, name) for name in COUNTS}
    rule = _rule_of(erasure) if any(counts.values()) else None
    if rule is None:
        return
    facts = {
        "erasure": str(erasure.uuid),
        "kind": rule.kind,
        "campaign": str(rule.campaign.uuid) if rule.campaign else None,
        "days": rule.days,
        "before": timestamp(before(rule, erasure.asked_at)),
    }
    audit.record(Event.RETENTION_APPLIED, actor=None, subject=rule, facts=facts | counts)


def _rule_of(erasure: Erasure) -> RetentionRule | None:
    """The rule of an order; if it was deleted, as it was when the order was given."""
    rules = RetentionRule.objects.select_related("campaign__team")
    if rule := rules.filter(uuid=erasure.subject).first():
        return rule
    # Orders that older versions gave do not say it.
    return RetentionRule(uuid=erasure.subject, **erasure.rule) if erasure.rule else None


def _due(rule: RetentionRule) -> list[QuerySet[Any]]:
    end = before(rule, timezone.now())
    also: list[QuerySet[Any]] = []
    if rule.kind == Kind.PICTURES:
        also = [uploads(rule, end)]
    elif rule.kind == Kind.PROMPTS:
        also = [old_drafts(rule, end)]
    return [_rows(rule, end), *also]


def _rows(rule: RetentionRule, before: datetime) -> QuerySet[Any]:
    if rule.kind == Kind.PROMPTS:
        return runs(rule, before)
    if rule.kind == Kind.PICTURES:
        return images(rule, before)
    return erasing.full(payloads(rule, before))


_TIME: dict[str, str] = {
    Kind.PROMPTS: "created_at",
    Kind.PICTURES: "created_at",
    Kind.REFUSED: "record__at",
    Kind.CALLERS: "record__at",
}


def _of_rule(rows: QuerySet[Any], rule: RetentionRule, campaign: str) -> QuerySet[Any]:
    """Those of the rule's campaign; for a general rule, those of campaigns without their own."""
    if rule.campaign_id:
        return rows.filter(**{campaign: rule.campaign_id})
    return rows.exclude(**{f"{campaign}__in": _special(rule)})


def _special(rule: RetentionRule) -> list[int]:
    """The campaigns that have a rule of their own."""
    rules = RetentionRule.objects.filter(kind=rule.kind, campaign__isnull=False, is_active=True)
    return list(rules.values_list("campaign", flat=True))
