"""How every key at a provider is doing, for the people who look after them.

Gathered in a constant number of queries, whatever the number of keys and generations.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from statistics import median
from typing import Any

from django.db.models import Count, F, OuterRef, Q, Subquery, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from generations import dispatch, provider_health
from generations.models import Generation, ProviderAccount
from generations.providers import registry
from generations.providers.advice import explain
from generations.providers.base import ImageProvider
from generations.providers.errors import Code
from generations.states import Status

LATELY = timedelta(hours=24)
MEASURED = 100
# Ends that the provider or the way to it is the reason of, and not what was asked.
PROVIDERS_REASONS = frozenset(
    {
        Code.AUTH,
        Code.FORBIDDEN,
        Code.INSUFFICIENT_BALANCE,
        Code.NOT_FOUND,
        Code.RATE_LIMITED,
        Code.TIMEOUT,
        Code.PROVIDER_ERROR,
        Code.BAD_RESPONSE,
        Code.CONNECTION,
        Code.OUTCOME_UNKNOWN,
        Code.IMAGE_UNREACHABLE,
        Code.IMAGE_INVALID,
        Code.IMAGE_TOO_LARGE,
    }
)


@dataclass(frozen=True)
class State:
    """What a key is doing: `tone` is ok, warn or bad, and a lower `gravity` comes first."""

    word: str
    sentence: str
    icon: str
    tone: str
    gravity: int


@dataclass(frozen=True)
class KeyStatus:
    """One key at a provider as the page shows it; every text is finished."""

    pk: int | None
    provider: str
    label: str
    slot: int
    fingerprint: str
    state: State
    to_do: str
    in_flight: int
    most_at_once: int
    sent: int
    per_minute: int
    waiting: int
    unknown: int
    webhooks_refused: int
    last_success: str
    errors: str
    median: str
    balance: str
    balance_note: str


@dataclass(frozen=True)
class _Counts:
    """What generations tell, by account or (`waiting`) by provider."""

    in_flight: Mapping[Any, int]
    sent: Mapping[Any, int]
    unknown: Mapping[Any, int]
    waiting: Mapping[Any, int]
    ended: Mapping[Any, tuple[int, int]]
    medians: Mapping[Any, float]
    last_success: Mapping[Any, datetime]
    low_marks: Mapping[Any, Decimal]


def keys(zone: tzinfo) -> list[KeyStatus]:
    """Every key of the providers set up here, trouble first; keys that are missing too.

    Keys of other providers appear only while work of theirs is open. Times are in `zone`.
    """
    accounts = _accounts()
    counts = _count(accounts)
    shown = [
        _key(account, counts, zone)
        for account in accounts
        if registry.slots(account.provider) or _has_work(account, counts)
    ]
    return sorted(shown, key=lambda key: (key.state.gravity, key.label, key.slot))


def _accounts() -> list[ProviderAccount]:
    """The rows there are, and those that the first look of a worker will make."""
    rows = [row for row in ProviderAccount.objects.all() if row.provider in registry.ADAPTERS]
    known = {(row.provider, row.slot) for row in rows}
    return rows + [
        ProviderAccount(
            provider=provider,
            slot=slot,
            key_fingerprint=fingerprint,
            concurrency=registry.adapter_class(provider).default_concurrency,
            per_minute=registry.adapter_class(provider).default_per_minute,
        )
        for provider in registry.provider_names()
        for slot, fingerprint in registry.slots(provider).items()
        if (provider, slot) not in known
    ]


# --- Counting ----------------------------------------------------------------------------------


def _count(accounts: Iterable[ProviderAccount]) -> _Counts:
    now = timezone.now()
    saved = [account for account in accounts if account.pk]
    own = Generation.objects.filter(account__in=saved).order_by()
    # An unknown outcome is no end: this index leads past everything that has ended.
    unknown = own.filter(status=Status.UNKNOWN, ended_at__isnull=True)
    queued = Generation.objects.filter(status=Status.QUEUED).order_by()
    return _Counts(
        in_flight=_by(own.in_flight(), "account"),
        sent=_by(dispatch.sent_lately(own, now), "account"),
        unknown=_by(unknown, "account"),
        waiting=_by(queued, "provider"),
        ended=_ended_lately(now),
        medians=_medians(now),
        last_success=_last_successes(),
        low_marks=provider_health.low_marks(saved),
    )


def _by(rows: Any, name: str) -> dict[Any, int]:
    return dict(rows.values_list(name).annotate(Count("pk")))


def _ended_lately(now: datetime) -> dict[int, tuple[int, int]]:
    """By account, how many ended with a picture or without, and how many of them by its reason."""
    ended = Generation.objects.filter(
        ended_at__gt=now - LATELY, status__in=(Status.SUCCEEDED, Status.FAILED)
    )
    at_fault = Q(status=Status.FAILED, error_code__in=sorted(PROVIDERS_REASONS))
    rows = (
        ended.order_by()
        .values_list("account")
        .annotate(total=Count("pk"), failed=Count("pk", filter=at_fault))
    )
    return {account: (total, failed) for account, total, failed in rows}


def _medians(now: datetime) -> dict[int, float]:
    """By account, the middle of the seconds from sent to stored, of its newest hundred."""
    newest = Window(RowNumber(), partition_by=F("account"), order_by=F("ended_at").desc())
    rows = (
        Generation.objects.filter(
            status=Status.SUCCEEDED, ended_at__gt=now - LATELY, submitted_at__isnull=False
        )
        .order_by()
        .annotate(newest=newest)
        .filter(newest__lte=MEASURED)
    )
    taken = defaultdict(list)
    for account, submitted_at, ended_at in rows.values_list("account", "submitted_at", "ended_at"):
        if submitted_at and ended_at:
            taken[account].append((ended_at - submitted_at).total_seconds())
    return {account: median(seconds) for account, seconds in taken.items()}


def _last_successes() -> dict[int, datetime]:
    newest = (
        Generation.objects.filter(
            provider=OuterRef("provider"),
            account=OuterRef("pk"),
            status=Status.SUCCEEDED,
            ended_at__isnull=False,
        )
        .order_by("-ended_at")
        .values("ended_at")[:1]
    )
    rows = ProviderAccount.objects.annotate(last=Subquery(newest)).values_list("pk", "last")
    return dict(rows)


def _has_work(account: ProviderAccount, counts: _Counts) -> bool:
    own = counts.in_flight.get(account.pk, 0) + counts.unknown.get(account.pk, 0)
    return bool(own or counts.waiting.get(account.provider, 0))


# --- Words -------------------------------------------------------------------------------------


def _key(account: ProviderAccount, counts: _Counts, zone: tzinfo) -> KeyStatus:
    unknown = counts.unknown.get(account.pk, 0)
    is_low = _is_low(account, counts)
    last = counts.last_success.get(account.pk)
    return KeyStatus(
        pk=account.pk,
        provider=account.provider,
        label=registry.adapter_class(account.provider).label,
        slot=account.slot,
        fingerprint=account.key_fingerprint,
        state=_state(account, zone, needs_care=bool(unknown or is_low or account.alert)),
        to_do=_to_do(account, unknown=unknown, is_low=is_low),
        in_flight=counts.in_flight.get(account.pk, 0),
        most_at_once=account.most_at_once,
        sent=counts.sent.get(account.pk, 0),
        per_minute=account.per_minute,
        waiting=counts.waiting.get(account.provider, 0),
        unknown=unknown,
        webhooks_refused=account.webhooks_refused,
        last_success=_moment(last, zone) if last else _("none yet"),
        errors=_errors(*counts.ended.get(account.pk, (0, 0))),
        median=_seconds(counts.medians.get(account.pk)),
        balance=_balance(account),
        balance_note=_balance_note(account, counts, zone),
    )


def _state(account: ProviderAccount, zone: tzinfo, *, needs_care: bool) -> State:
    if not _is_here(account):
        sentence = _("The settings of this process have no key for this slot.")
        return State(_("Key missing here"), sentence, "key-round", "bad", 1)
    if account.blocked_code:
        return State(_("Blocked"), _why_blocked(account, zone), "ban", "bad", 0)
    if account.paused_until and provider_health.is_resting(account):
        sentence = _("Resting until %(time)s, because: %(why)s") % {
            "time": _moment(account.paused_until, zone),
            "why": _why_resting(account),
        }
        return State(_("Resting"), sentence, "clock", "warn", 2)
    if provider_health.is_probing(account):
        sentence = _("One request at a time goes first, until one is taken.")
        return State(_("Trying again"), sentence, "refresh-cw", "warn", 3)
    return State(_("Working"), "", "circle-check", "ok", 4 if needs_care else 5)


def _is_here(account: ProviderAccount) -> bool:
    return account.slot in registry.slots(account.provider)


def _why_blocked(account: ProviderAccount, zone: tzinfo) -> str:
    blocked = _("Blocked: %(why)s") % {"why": explain(account.blocked_code).title}
    if not account.paused_until or not provider_health.is_resting(account):
        return blocked
    probe = _("One request will be tried at %(time)s.")
    return f"{blocked} {probe % {'time': _moment(account.paused_until, zone)}}"


def _why_resting(account: ProviderAccount) -> str:
    if not account.paused_why:
        return _("An admin has set this pause.")
    known = account.paused_why in list(Code)
    return str(explain(account.paused_why).title) if known else account.paused_why


def _to_do(account: ProviderAccount, *, unknown: int, is_low: bool) -> str:
    """What helps most, as a sentence; empty where nothing has to be done."""
    advice = (
        (not _is_here(account), _("Set %(variable)s where the studio runs and start it again.")),
        (
            account.blocked_code == Code.AUTH,
            _("Look in the provider's console for a valid key, set %(variable)s and start again."),
        ),
        (bool(account.blocked_code), _("Top up the balance at the provider.")),
        (
            Code.RATE_LIMITED in (account.alert, account.paused_why),
            _(
                "It goes on by itself. If it happens often, lower “at once” or “per minute”, or "
                "ask the provider for more."
            ),
        ),
        (
            provider_health.is_resting(account) and bool(account.paused_why),
            _("It goes on by itself. If it lasts, look at the provider's own status page."),
        ),
        (
            bool(unknown),
            ngettext(
                "Decide on the request whose outcome nobody knows.",
                "Decide on the requests whose outcome nobody knows.",
                unknown,
            ),
        ),
        (is_low, _("Top up the balance at the provider before work has to wait.")),
        (
            bool(account.webhooks_refused),
            _(
                "Calls to our webhook were refused. Check PUBLIC_URL and the provider's webhook "
                "secret; results come by polling meanwhile."
            ),
        ),
    )
    found = next((words for applies, words in advice if applies), "")
    return found % {"variable": _variable(account)}


def _variable(account: ProviderAccount) -> str:
    if account.provider == registry.DEMO:
        return "DEMO"
    name = f"{account.provider.upper()}_API_KEY"
    return name if account.slot == 1 else f"{name}_{account.slot}"


def _is_low(account: ProviderAccount, counts: _Counts) -> bool:
    mark = counts.low_marks.get(account.pk)
    return mark is not None and account.balance is not None and account.balance < mark


def _errors(total: int, failed: int) -> str:
    if not total:
        return _("none ended")
    return _("%(failed)d of %(total)d (%(share)s %%)") % {
        "failed": failed,
        "total": total,
        "share": f"{100 * failed / total:.1f}",
    }


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else _("%(seconds)s s") % {"seconds": f"{seconds:.1f}"}


def _balance(account: ProviderAccount) -> str:
    if account.balance is not None:
        return f"{_amount(account.balance)} {account.balance_unit}"
    asked = registry.adapter_class(account.provider).balance is not ImageProvider.balance
    return _("not read yet") if asked else ""


def _balance_note(account: ProviderAccount, counts: _Counts, zone: tzinfo) -> str:
    if account.balance is None or account.balance_at is None:
        return ""
    return _("at %(time)s; low below %(mark)s") % {
        "time": _moment(account.balance_at, zone),
        "mark": _amount(counts.low_marks[account.pk]),
    }


def _amount(value: Decimal) -> str:
    """With two decimals at least, and no more than it has."""
    return f"{value:,.2f}" if value == round(value, 2) else f"{value.normalize():,f}"


def _moment(moment: datetime, zone: tzinfo) -> str:
    """A time of today without the day."""
    local = moment.astimezone(zone)
    is_today = local.date() == timezone.now().astimezone(zone).date()
    return date_format(local, "H:i" if is_today else "j M, H:i")
