"""Alerts about a key: sent to admins once while the cause lasts, and recorded."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts import audit, notices
from accounts.events import Event
from accounts.stored_texts import in_english, pattern
from generations.models import EngineBlock, ProviderAccount
from generations.notice_kinds import KEY_NEEDS_CARE
from generations.providers import registry
from generations.providers.errors import Code

# Alerts that are not a refusal of a submit.
LOW = "low_balance"
POLLS_REFUSED = "polls_refused"


@in_english()
def tell(row: ProviderAccount, code: str) -> None:
    """Alert admins of `code`, unless it was their last alert. The caller saves `row`."""
    if row.alert == code:
        return
    row.alert = str(code)
    what, to_do = _ALERTS.get(code, _ALERTS[Code.FORBIDDEN])
    balance = _balance_in_words(row) if code in _ABOUT_MONEY else ""
    _tell(row, code, what=str(what), paragraphs=(balance, str(to_do)))


@in_english()
def tell_of_polls(row: ProviderAccount) -> None:
    """Alert admins that polls with this key are refused. The caller saves `row`."""
    row.polls_refused_told = True
    what, to_do = _ALERTS[POLLS_REFUSED]
    _tell(row, POLLS_REFUSED, what=str(what), paragraphs=(str(to_do),))


@in_english()
def tell_of_engine(row: ProviderAccount, refused: EngineBlock) -> None:
    """Alert admins that a key may not use one engine. Its other engines may work."""
    what, to_do = engine_in_words(refused.code, refused.engine)
    _tell(
        row,
        refused.code,
        what=what,
        paragraphs=(
            _("Requests for this engine go to another key, where there is one."),
            to_do,
            str(_CODE) % {"answer": refused.raw_code},
            _("The studio tries this engine with this key again every 15 minutes."),
        ),
        engine=refused.engine,
    )


def engine_in_words(code: str, engine: str) -> tuple[str, str]:
    """What has happened when `engine` is refused to a key with `code`, and what to do about it."""
    what, to_do = _ENGINE_ALERTS.get(code, _ENGINE_ALERTS[Code.FORBIDDEN])
    return str(what) % {"engine": engine}, str(to_do)


def _tell(
    row: ProviderAccount, code: str, *, what: str, paragraphs: tuple[str, ...], **facts: str
) -> None:
    audit.record(
        Event.PROVIDER_ALERTED,
        actor=None,
        subject=row,
        facts={"provider": row.provider, "slot": row.slot, "code": str(code), **facts},
    )
    key = {"provider": registry.adapter_class(row.provider).label, "slot": row.slot}
    subject = str(_SUBJECT) % {**key, "what": what}
    text = "\n\n".join(filter(None, paragraphs))
    cause = _cause(row, facts.get("engine", code))
    notices.raise_notice(KEY_NEEDS_CARE, cause=cause, facts={"subject": subject, "text": text})


def standing(row: ProviderAccount) -> set[str]:
    """The alerts about the key as a whole that still hold."""
    told = {row.alert, POLLS_REFUSED if row.polls_refused_told else ""}
    return told - {""}


def end(row: ProviderAccount, what: str) -> None:
    """End the notice about `what`: an alert of `standing`, or an engine's name."""
    notices.end(KEY_NEEDS_CARE, cause=_cause(row, what))


def _cause(row: ProviderAccount, what: str) -> str:
    return f"{row.uuid} {what}"


def _balance_in_words(row: ProviderAccount) -> str:
    if row.balance is None:
        return ""
    return str(_BALANCE) % {
        "amount": f"{row.balance.normalize():f}",
        "unit": row.balance_unit,
    }


_SUBJECT = pattern(_lazy("%(provider)s, key %(slot)d: %(what)s"))
_BALANCE = pattern(_lazy("Balance: %(amount)s %(unit)s"))
_CODE = pattern(_lazy("The provider's code: %(answer)s"))
_ABOUT_MONEY = frozenset({LOW, Code.INSUFFICIENT_BALANCE})
# What has happened, and what to do.
_ALERTS: dict[str, tuple[Promise, Promise]] = {
    Code.AUTH: (
        _lazy("the key is not accepted"),
        _lazy(
            "Nothing is sent with this key. Check in the provider's console that it is still "
            "valid, put the right key into the studio's settings and restart the studio. The "
            "studio tries this key again every 15 minutes."
        ),
    ),
    Code.FORBIDDEN: (
        _lazy("the account may not be used"),
        _lazy(
            "Nothing is sent with this key. Check in the provider's console whether the account is "
            "suspended, and whether it may be used from this region and address. The studio tries "
            "this key again every 15 minutes."
        ),
    ),
    Code.INSUFFICIENT_BALANCE: (
        _lazy("the balance is used up"),
        _lazy(
            "Nothing is sent with this key. Top up the balance at the provider: the studio reads "
            "the balance, or tries the key again every 15 minutes."
        ),
    ),
    LOW: (
        _lazy("the balance is low"),
        _lazy("Top it up at the provider before it is used up and work has to wait."),
    ),
    Code.RATE_LIMITED: (
        _lazy("the rate limit is reached"),
        _lazy(
            "The provider has refused five requests in a row because they came too fast or were "
            "too many at once. Lower “at once” or “per minute” of this key in the admin, or ask "
            "the provider for more."
        ),
    ),
    POLLS_REFUSED: (
        _lazy("the provider refuses to report on accepted requests"),
        _lazy(
            "Requests that the provider has accepted can't be followed, because it no longer "
            "accepts this key. Put back the key that sent them: until then the studio keeps "
            "asking, and their credits stay reserved."
        ),
    ),
}
# The same for one engine at one key.
_ENGINE_ALERTS: dict[str, tuple[Promise, Promise]] = {
    Code.FORBIDDEN: (
        pattern(_lazy("%(engine)s is refused to this key")),
        _lazy("Check in the provider's console what this key may do."),
    ),
    Code.NOT_FOUND: (
        pattern(_lazy("%(engine)s is not available to this key")),
        _lazy(
            "Activate the model in the provider's console, and check the provider's base URL in "
            "the settings."
        ),
    ),
    Code.INSUFFICIENT_BALANCE: (
        pattern(_lazy("the quota for %(engine)s is used up")),
        _lazy("Raise the limit that is set for this model in the provider's console."),
    ),
}
