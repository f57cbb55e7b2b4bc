"""Refusals of a key as text: since when, what the studio does, what to do."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.phrases import sentences
from generations.jobs import provider_health
from generations.jobs.execution import upstream
from generations.models import EngineBlock, ProviderAccount, UpstreamMark
from generations.providers import registry
from generations.providers.advice import explain
from generations.providers.capabilities import provider_of
from generations.providers.errors import Code
from generations.reading.provider_status.counting import Counts

_UNSURE = gettext_lazy("The provider does not say whether it refused the key or the request.")
# More precise than the titles that everybody reads.
_KEY_TITLES: dict[str, Promise] = {Code.FORBIDDEN: gettext_lazy("The account may not be used.")}

_UNBLOCKING: dict[str, Promise] = {
    Code.AUTH: gettext_lazy(
        "Find a valid key in the provider's console, set %(variable)s and restart the studio."
    ),
    Code.INSUFFICIENT_BALANCE: gettext_lazy("Top up the balance at the provider."),
    Code.FORBIDDEN: gettext_lazy(
        "Check in the provider's console whether the account is suspended, and whether it may be "
        "used from here."
    ),
}


@dataclass(frozen=True)
class EngineTrouble:
    """One engine that a provider refuses to a key, as text."""

    title: str
    meanwhile: str
    to_do: str
    tone: str


def why_blocked(account: ProviderAccount, zone: tzinfo) -> str:
    """Say why nothing is sent with a key, and since when."""
    why = _KEY_TITLES.get(account.blocked_code, explain(account.blocked_code).title)
    if not account.blocked_at:
        return _("Blocked: %(why)s") % {"why": why}
    time = words_for_time(account.blocked_at, zone)
    return _("Blocked since %(time)s: %(why)s") % {"time": time, "why": why}


def unblocking(code: str) -> str:
    """What to do to unblock a key that is blocked with `code`; may contain `%(variable)s`."""
    return str(_UNBLOCKING.get(code, _UNBLOCKING[Code.FORBIDDEN]))


def while_blocked(account: ProviderAccount, counts: Counts, zone: tzinfo) -> str:
    """Say what the studio does while a key is blocked."""
    until = account.paused_until if provider_health.is_resting(account) else None
    return _meanwhile(until, zone, others_can=bool(counts.others(account)))


def engine_trouble(
    refused: EngineBlock, account: ProviderAccount, counts: Counts, zone: tzinfo
) -> EngineTrouble:
    """Describe one engine that the provider refuses to this key."""
    others_can = bool(counts.others(account, refused.engine))
    until = refused.until if refused.until > timezone.now() else None
    what, to_do = provider_health.engine_in_words(refused.code, _engine_label(refused.engine))
    meanwhile = ""
    if until or refused.sure:
        meanwhile = _meanwhile(until, zone, others_can=others_can or not refused.sure)
    return EngineTrouble(
        title=_("Since %(time)s: %(what)s.")
        % {"time": words_for_time(refused.since, zone), "what": what},
        meanwhile=sentences("" if refused.sure else _UNSURE, meanwhile),
        to_do=to_do,
        tone="bad" if refused.sure and not others_can else "warn",
    )


def _engine_label(name: str) -> str:
    engine = registry.known_engines().get(name)
    return engine.label if engine else name


def _meanwhile(until: datetime | None, zone: tzinfo, *, others_can: bool) -> str:
    """Say what the studio does about a refused key or engine; `until` is None without a rest."""
    rest = _("The rest is over: the next request tests it.")
    if until:
        time = {"time": words_for_time(until, zone)}
        rest = _("It rests until %(time)s, then one request tests it.") % time
    if others_can:
        return sentences(rest, _("Other keys do the work meanwhile."))
    if until:
        return sentences(
            rest, _("No other key can do its work, so the studio does not offer it meanwhile.")
        )
    return rest


def polls_in_words(account: ProviderAccount, zone: tzinfo) -> str:
    """A sentence about refused polls; empty if polls are answered."""
    if not account.polls_refused_at or not account.polls_refused_told:
        return ""
    return _(
        "Since %(time)s the provider has refused to report on accepted requests. The studio keeps "
        "asking. Put back the key that sent them."
    ) % {"time": words_for_time(account.polls_refused_at, zone)}


def lost_marks(zone: tzinfo) -> dict[str, tuple[str, ...]]:
    """By provider: which of its engines have stopped marking their images, as sentences."""
    told: dict[str, tuple[str, ...]] = {}
    for row in UpstreamMark.objects.filter(missing_since__isnull=False).order_by("engine", "kind"):
        if not upstream.is_lost(row):
            continue
        sentence = _("%(engine)s no longer marks its images: %(mark)s was last seen %(time)s.") % {
            "engine": _engine_label(row.engine),
            "mark": row.kind.upper(),
            "time": words_for_time(row.seen_at, zone),
        }
        provider = provider_of(row.engine)
        told[provider] = (*told.get(provider, ()), sentence)
    return told


def words_for_time(moment: datetime, zone: tzinfo) -> str:
    """The time in `zone`, with the day unless it is today."""
    local = moment.astimezone(zone)
    is_today = local.date() == timezone.now().astimezone(zone).date()
    return date_format(local, "TIME_FORMAT" if is_today else "DAY_TIME_FORMAT")
