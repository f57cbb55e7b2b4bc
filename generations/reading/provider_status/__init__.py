"""The state of every key at a provider, for admins.

Read in a constant number of queries, however many keys and generations there are.
"""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from generations.jobs import provider_health, webhooks
from generations.models import ProviderAccount
from generations.providers import registry
from generations.providers.advice import explain
from generations.providers.base import ImageProvider
from generations.providers.errors import Code
from generations.reading.provider_status.blocks import (
    EngineTrouble,
    engine_trouble,
    lost_marks,
    polls_in_words,
    unblocking,
    while_blocked,
    why_blocked,
    words_for_time,
)
from generations.reading.provider_status.counting import Counts, count, is_here


@dataclass(frozen=True)
class KeyState:
    """The state of a key. `tone` is ok, warn or bad; a lower `gravity` comes first.

    `meanwhile` says what the studio does about it.
    """

    title: str
    sentence: str
    icon: str
    tone: str
    gravity: int
    meanwhile: str = ""


@dataclass(frozen=True)
class KeyStatus:
    """One key at a provider as the page shows it; every text is ready to print."""

    pk: int | None
    provider: str
    label: str
    slot: int
    fingerprint: str
    state: KeyState
    to_do: str
    engines: tuple[EngineTrouble, ...]
    polls: str
    lost_marks: tuple[str, ...]
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


def keys(zone: tzinfo) -> list[KeyStatus]:
    """Every key of the providers that are set up here, trouble first; also keys that are missing.

    Keys of other providers appear only while they have open work. Times are in `zone`.
    """
    accounts = _accounts()
    counts, lost = count(accounts), lost_marks(zone)
    shown = [
        _key(account, counts, zone, lost.get(account.provider, ()))
        for account in accounts
        if registry.slots(account.provider) or counts.has_work(account)
    ]
    return sorted(shown, key=lambda key: (key.state.gravity, key.label, key.slot))


def _accounts() -> list[ProviderAccount]:
    """The saved accounts, and those that a worker will save when it first looks."""
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


def _key(
    account: ProviderAccount, counts: Counts, zone: tzinfo, lost: tuple[str, ...]
) -> KeyStatus:
    unknown = counts.unknown.get(account.pk, 0)
    is_low = _is_low(account, counts)
    polls = polls_in_words(account, zone)
    refused = counts.refused.get(account.pk, [])
    engines = tuple(engine_trouble(each, account, counts, zone) for each in refused)
    care = bool(unknown or is_low or account.alert or engines or polls or lost)
    last = counts.last_success.get(account.pk)
    return KeyStatus(
        pk=account.pk,
        provider=account.provider,
        label=registry.adapter_class(account.provider).label,
        slot=account.slot,
        fingerprint=account.key_fingerprint,
        state=_state(account, counts, zone, needs_care=care),
        to_do=_to_do(account, unknown=unknown, is_low=is_low),
        engines=engines,
        polls=polls,
        lost_marks=lost,
        in_flight=counts.in_flight.get(account.pk, 0),
        most_at_once=account.most_at_once,
        sent=counts.sent.get(account.pk, 0),
        per_minute=account.per_minute,
        waiting=counts.waiting.get(account.provider, 0),
        unknown=unknown,
        webhooks_refused=webhooks.refused_lately(account.pk),
        last_success=words_for_time(last, zone) if last else _("none yet"),
        errors=_errors(*counts.ended.get(account.pk, (0, 0))),
        median=_seconds(counts.medians.get(account.pk)),
        balance=_balance(account),
        balance_note=_balance_note(account, counts, zone),
    )


def _state(account: ProviderAccount, counts: Counts, zone: tzinfo, *, needs_care: bool) -> KeyState:
    if not is_here(account):
        sentence = _("The studio's settings have no key with this number.")
        return KeyState(_("Key missing here"), sentence, "key-round", "bad", 1)
    if account.blocked_code:
        meanwhile = while_blocked(account, counts, zone)
        return KeyState(_("Blocked"), why_blocked(account, zone), "ban", "bad", 0, meanwhile)
    if account.paused_until and provider_health.is_resting(account):
        sentence = _("Resting until %(time)s, because: %(why)s") % {
            "time": words_for_time(account.paused_until, zone),
            "why": _why_resting(account),
        }
        meanwhile = _("Then one request tests it.") if account.paused_why else ""
        return KeyState(_("Resting"), sentence, "clock", "warn", 2, meanwhile)
    return _usable_state(account, counts, needs_care=needs_care)


def _usable_state(account: ProviderAccount, counts: Counts, *, needs_care: bool) -> KeyState:
    """The state of a key that may be used."""
    if provider_health.is_probing(account):
        sentence = _("One request is sent at a time until one is accepted.")
        return KeyState(_("Trying again"), sentence, "refresh-cw", "warn", 3)
    if any(each.sure for each in counts.refused.get(account.pk, [])):
        return KeyState(_("Partly blocked"), "", "ban", "warn", 2)
    if account.polls_refused_told:
        return KeyState(_("Polls refused"), "", "triangle-alert", "bad", 1)
    return KeyState(_("Working"), "", "circle-check", "ok", 4 if needs_care else 5)


def _why_resting(account: ProviderAccount) -> str:
    if not account.paused_why:
        return _("An admin has set this pause.")
    known = account.paused_why in list(Code)
    return str(explain(account.paused_why).title) if known else account.paused_why


def _to_do(account: ProviderAccount, *, unknown: int, is_low: bool) -> str:
    """The most useful advice as a sentence; empty if nothing has to be done."""
    advice = (
        (
            not is_here(account),
            _("Set %(variable)s in the studio's settings and restart the studio."),
        ),
        (bool(account.blocked_code), unblocking(account.blocked_code)),
        (
            Code.RATE_LIMITED in (account.alert, account.paused_why),
            _(
                "It continues automatically. If it happens often, lower “at once” or “per minute”, "
                "or ask the provider for more."
            ),
        ),
        (
            provider_health.is_resting(account) and bool(account.paused_why),
            _("It continues automatically. If it lasts, check the provider's own status page."),
        ),
        (
            bool(unknown),
            ngettext(
                "Decide on the request whose outcome is unknown.",
                "Decide on the requests whose outcome is unknown.",
                unknown,
            ),
        ),
        (is_low, _("Top up the balance at the provider before work has to wait.")),
        (
            bool(webhooks.refused_lately(account.pk)),
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


def _is_low(account: ProviderAccount, counts: Counts) -> bool:
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


def _balance_note(account: ProviderAccount, counts: Counts, zone: tzinfo) -> str:
    if account.balance is None or account.balance_at is None:
        return ""
    return _("at %(time)s; low below %(mark)s") % {
        "time": words_for_time(account.balance_at, zone),
        "mark": _amount(counts.low_marks[account.pk]),
    }


def _amount(value: Decimal) -> str:
    """With two decimals, or with more if the value has more."""
    return f"{value:,.2f}" if value == round(value, 2) else f"{value.normalize():,f}"
