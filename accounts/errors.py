"""What can go wrong with people and credits, each with the sentence a person reads.

AccountsError
├── InsufficientCredits   the allowance does not cover what was asked for
├── InvalidAmount         a quota, top-up or write-off that makes no sense
└── RequestRefused        a request for credits that can't be sent, or not decided any more
"""

import datetime as dt

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.phrases import sentences


class AccountsError(Exception):
    """The base class. `message` is a whole sentence for the person who asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidAmount(AccountsError):
    pass


class RequestRefused(AccountsError):
    pass


class InsufficientCredits(AccountsError):
    """A request for `needed` credits, of which only `left` are left until `renews_on`.

    `whose` is "person" or "team": whose allowance is too small.
    """

    def __init__(self, *, needed: int, left: int, renews_on: dt.date, whose: str) -> None:
        self.needed, self.left, self.renews_on, self.whose = needed, left, renews_on, whose
        needs = ngettext("This needs %(needed)d credit.", "This needs %(needed)d credits.", needed)
        has = _("Your team has %(left)d left until they renew on %(date)s.")
        if whose == "person":
            has = _("You have %(left)d left until they renew on %(date)s.")
        to_do = _("Ask for fewer images, or for more credits.")
        numbers = {
            "needed": needed,
            "left": left,
            "date": date_format(renews_on, "MONTH_DAY_FORMAT"),
        }
        super().__init__(sentences(needs % numbers, has % numbers, to_do))
