"""The kinds of notices about credits and money. Each new notice of them is on record."""

from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.notices import Kind, declare

# The cause names the month, so within a month a cause makes one notice, even if it ends between.
ONCE_A_MONTH = timedelta(days=31)


def _declare(name: str, label: Promise, title: Promise, to_do: Promise, page: str) -> Kind:
    kind = Kind(name, label, title, to_do, page=page, calm=ONCE_A_MONTH, recorded=True)
    return declare(kind)


SHARE_OF_PERSON = _declare(
    "share:person",
    _("People who have used most or all of their credits"),
    _("%(name)s has used %(share)s %% of the credits for %(month)s"),
    _(
        "%(used)s of %(total)s credits are spent or reserved. At 100 %% the person can make no "
        "more images this month. Add credits on the person's page in the admin, or do nothing."
    ),
    page="admin:accounts_user_changelist",
)
SHARE_OF_TEAM = _declare(
    "share:team",
    _("Teams that have used most or all of their limit"),
    _("Team %(name)s has used %(share)s %% of its limit for %(month)s"),
    _(
        "%(used)s of %(total)s credits are spent or reserved. At 100 %% nobody of the team can "
        "make images this month. Top up the team's credits in the admin, or do nothing."
    ),
    page="admin:accounts_allowance_changelist",
)
RAISE_BUDGET = _(
    "$%(used)s of $%(total)s is spent or reserved. At 100 %% new runs stop, if the budget is set "
    "to stop them. Raise the budget in the admin, or do nothing."
)
SHARE_OF_BUDGET = _declare(
    "share:budget",
    _("Teams' budgets of which most or all is used"),
    _("%(share)s %% of the budget of %(name)s for %(month)s is used"),
    RAISE_BUDGET,
    page="admin:generations_budget_changelist",
)
SHARE_OF_STUDIO_BUDGET = _declare(
    "share:studio_budget",
    _("The studio's budget, if most or all is used"),
    _("%(share)s %% of the studio's budget for %(month)s is used"),
    RAISE_BUDGET,
    page="admin:generations_budget_changelist",
)
PRICE_MISSING = _declare(
    "price:missing",
    _("Engines without a price"),
    _("There is no price for %(engine)s at %(tier)s"),
    _("Nobody can use it until it has one. Add a price in the admin."),
    page="admin:generations_price_changelist",
)
BALANCE_DIFFERS = _declare(
    "provider:drift",
    _("Balances at providers that differ from our cost"),
    _("%(key)s: on %(day)s the balance fell by $%(fell)s, and our cost is $%(cost)s"),
    _(
        "The page about providers shows the day and the runs that may explain it. If they do not, "
        "look at the provider's own bill: somebody else may use the key, or a price may be wrong."
    ),
    page="providers",
)
