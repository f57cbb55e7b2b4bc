"""Puts right what a proof has found: with entries that say why, never by editing one."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import ledger
from accounts.errors import InvalidAmount
from accounts.models import Allowance, Entry, User
from generations import usage
from generations.models import Finding, Generation
from generations.proof.ends import differences, due_of, fault_of
from generations.proof.looking import books_of

What = Finding.What


class CorrectionRefused(Exception):
    """The finding can't be corrected; the message says why, and what to do."""


@transaction.atomic
def correct(finding: Finding, *, actor: User | None, reason: str) -> None:
    """Write what puts `finding` right, as entries with `reason`, on record; once.

    A month's columns become the sums of its entries. A request that has ended is settled for what
    arrived. What was charged too much is written off. What was charged too little is noted as
    borne by the studio: nobody is charged afterwards. Raises CorrectionRefused.
    """
    ended = {"ended_at": timezone.now(), "was_corrected": True}
    open_one = Finding.objects.filter(pk=finding.pk, ended_at__isnull=True)
    if not reason.strip():
        raise CorrectionRefused(_("Write why you correct this."))
    if not finding.can_be_corrected:
        raise CorrectionRefused(_("Nothing here can be corrected by an entry."))
    if not open_one.update(**ended):
        raise CorrectionRefused(_("This has been corrected, or is gone."))
    try:
        _correct(finding, actor, reason)
    except InvalidAmount as error:
        raise CorrectionRefused(error.message) from error


def _correct(finding: Finding, actor: User | None, reason: str) -> None:
    if finding.what == What.DRIFT:
        assert finding.allowance is not None  # noqa: S101  # a drift is that of an allowance
        ledger.put_right(finding.allowance, actor=actor, reason=reason)
    elif finding.generation:
        _correct_generation(finding.generation, actor, reason)


def _correct_generation(uuid: UUID, actor: User | None, reason: str) -> None:
    """What is right is decided by what the rows say now, not by what the proof saw."""
    books = books_of(uuid)
    if books is None:
        _undo(uuid, actor, reason)
        return
    what, due = fault_of(books), due_of(books)
    if what == What.NO_END:
        _settle(uuid, due, actor, reason)
        return
    wrong = differences(books, due)
    more = {allowance: credits for allowance, credits in wrong.items() if credits > 0}
    fewer = {allowance: -credits for allowance, credits in wrong.items() if credits < 0}
    if what in (What.OVERCHARGED, What.UNDERCHARGED):
        ledger.give_back(uuid, more, actor=actor, reason=reason)
        ledger.bear(uuid, fewer, actor=actor, reason=reason)
    elif what is not None:
        raise CorrectionRefused(_("Nothing here can be corrected by an entry."))


def _settle(uuid: UUID, due: int, actor: User | None, reason: str) -> None:
    settled = ledger.settle(uuid, due, actor=actor, reason=reason)
    _record_settled(uuid, settled.entries, due, actor, reason)
    row = Generation.objects.filter(uuid=uuid).select_related("run__team").first()
    if row:
        usage.corrected(row, spent=settled.spent, released=settled.released)


def _record_settled(
    uuid: UUID, entries: list[str], credits: int, actor: User | None, reason: str
) -> None:
    """One record for each allowance that paid, with the entries in it."""
    written = Entry.objects.filter(generation=uuid, digest__in=entries).order_by("pk")
    for key in sorted({entry.allowance_id for entry in written}):
        allowance = Allowance.objects.select_related("user__team", "team").get(pk=key)
        its = [entry.digest for entry in written if entry.allowance_id == key and entry.digest]
        ledger.record_correction(
            allowance, uuid, credits=credits, entries=its, actor=actor, reason=reason
        )


def _undo(uuid: UUID, actor: User | None, reason: str) -> None:
    """Release what is held, and write off what was spent, for a generation that does not exist."""
    _settle(uuid, 0, actor, reason)
    spent = Entry.objects.filter(generation=uuid, kind=Entry.Kind.SETTLE)
    given = Entry.objects.filter(generation=uuid, kind=Entry.Kind.WRITE_OFF)
    back = given.values_list("allowance_id", flat=True)
    amounts = dict(spent.exclude(allowance__in=back).values_list("allowance_id", "amount"))
    ledger.give_back(uuid, amounts, actor=actor, reason=reason)
