"""What admins were told, and what went to the outlet, as sentences of the log."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.events import Event
from accounts.notices import kinds
from accounts.phrases import listed
from generations import postings

Facts = Mapping[str, Any]


def _raised(facts: Facts) -> str:
    return str(kinds.named(facts["kind"]).label)


def _trouble(facts: Facts) -> str:
    return postings.in_words(facts.get("trouble", ""))


def _tested(facts: Facts) -> str:
    return _trouble(facts) or _("it arrived")


def _muted(facts: Facts) -> str:
    if "days" not in facts:
        return listed(_raised(facts), _("until it is over"))
    days = ngettext("for %(days)d day", "for %(days)d days", facts["days"])
    return listed(_raised(facts), days % facts)


SENTENCES: dict[str, Callable[[Facts], str]] = {
    Event.NOTICE_RAISED: _raised,
    Event.NOTICE_MUTED: _muted,
    Event.NOTICE_UNMUTED: _raised,
    Event.NOTICE_NOT_POSTED: _trouble,
    Event.OUTLET_TESTED: _tested,
}
