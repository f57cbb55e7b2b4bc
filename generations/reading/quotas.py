"""What records of quotas, limits, top-ups and requests for credits say, by event."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.events import Event
from accounts.phrases import listed
from generations.reading import amounts

Facts = Mapping[str, Any]


def _limit_set(facts: Facts) -> str:
    change = _("%(before)d to %(after)d credits") % facts
    return listed(change, facts.get("month", ""))


def _took_effect(facts: Facts) -> str:
    if facts["before"] is None:
        return listed(amounts.credits(facts["after"]), facts.get("month", ""))
    return _limit_set(facts)


def _taken_back(facts: Facts) -> str:
    text = _("%(credits)d of %(given)d credits taken back") % facts
    return listed(text, facts.get("month", ""))


def _of_people(facts: Facts) -> str:
    text = ngettext("%(people)d person", "%(people)d people", facts["people"])
    return text % facts


def _imported(facts: Facts) -> str:
    quotas = ngettext("%(quotas)d quota", "%(quotas)d quotas", facts["quotas"])
    top_ups = ngettext("%(top_ups)d top-up", "%(top_ups)d top-ups", facts["top_ups"])
    return listed(quotas % facts, top_ups % facts)


def _credited(facts: Facts) -> str:
    return listed(amounts.credits(facts["credits"]), facts.get("month", ""))


def _asked(facts: Facts) -> str:
    return amounts.credits(facts["credits"])


SENTENCES: dict[str, Callable[[Facts], str]] = {
    Event.ALLOWANCE_OPENED: _credited,
    Event.ALLOWANCE_LIMIT_SET: _limit_set,
    Event.ALLOWANCE_TOPPED_UP: _credited,
    Event.ALLOWANCE_TOP_UP_ENDED: _taken_back,
    Event.ALLOWANCE_WRITTEN_OFF: _credited,
    Event.CREDITS_ASKED: _asked,
    Event.CREDITS_GRANTED: _asked,
    Event.CREDITS_DECLINED: _asked,
    Event.CREDITS_WITHDRAWN: _asked,
    Event.CREDITS_LAPSED: _asked,
    Event.LEDGER_CORRECTED: _credited,
    Event.QUOTA_TOOK_EFFECT: _took_effect,
    Event.QUOTAS_EXPORTED: _of_people,
    Event.QUOTAS_IMPORTED: _imported,
}
