"""The only writer of credits: every change is one UPDATE with its entries.

Credits are whole numbers. Credits are reserved before a provider is called. The reservation is
resolved once: credits for the images that arrived are settled (spent), the rest are released. Both
count for the month of the reservation.
"""

from accounts.ledger.adjusting import refuse_amount, refuse_end, set_limit, top_up, write_off
from accounts.ledger.correcting import bear, give_back, put_right, record_correction
from accounts.ledger.ending import end_top_ups, has_overdue_top_ups
from accounts.ledger.following import (
    follow_default,
    follow_own_quota,
    follow_team,
    has_overdue_plans,
    member_default,
    start_planned_quotas,
)
from accounts.ledger.months import (
    allowance_of,
    last_day_of,
    month_of,
    month_of_owner,
    quota_in_force,
)
from accounts.ledger.origins import origin_in_words, origin_of, with_ends
from accounts.ledger.planning import Upcoming, upcoming
from accounts.ledger.proof import Compared, Drift, compare, drift_of, reconcile
from accounts.ledger.reading import Balance, balance, refuse_shortfall
from accounts.ledger.reserving import Settled, reserve, settle
from accounts.models.allowance import next_month
from accounts.models.quota import MAX_CREDITS

__all__ = [
    "MAX_CREDITS",
    "Balance",
    "Compared",
    "Drift",
    "Settled",
    "Upcoming",
    "allowance_of",
    "balance",
    "bear",
    "compare",
    "drift_of",
    "end_top_ups",
    "follow_default",
    "follow_own_quota",
    "follow_team",
    "give_back",
    "has_overdue_plans",
    "has_overdue_top_ups",
    "last_day_of",
    "member_default",
    "month_of",
    "month_of_owner",
    "next_month",
    "origin_in_words",
    "origin_of",
    "put_right",
    "quota_in_force",
    "reconcile",
    "record_correction",
    "refuse_amount",
    "refuse_end",
    "refuse_shortfall",
    "reserve",
    "set_limit",
    "settle",
    "start_planned_quotas",
    "top_up",
    "upcoming",
    "with_ends",
    "write_off",
]
