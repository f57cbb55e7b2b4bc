"""What can go wrong with people and credits, each with the sentence a person reads.

AccountsError
├── InsufficientCredits   the allowance does not cover what was asked for
└── InvalidAmount         a quota, top-up or write-off that makes no sense
"""

import datetime as dt

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class AccountsError(Exception):
    """Base: `message` is a whole sentence for the person who asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidAmount(AccountsError):
    pass


class InsufficientCredits(AccountsError):
    """Asked for `needed` credits where `left` are left until `renews_on`.

    `whose` is "person" or "team": the allowance that refused.
    """

    def __init__(self, *, needed: int, left: int, renews_on: dt.date, whose: str) -> None:
        self.needed, self.left, self.renews_on, self.whose = needed, left, renews_on, whose
        owner = _("You have") if whose == "person" else _("Your team has")
        super().__init__(
            ngettext(
                "This needs %(needed)d credit. %(owner)s %(left)d left until %(date)s. "
                "Ask for fewer images, or ask an admin for more credits.",
                "This needs %(needed)d credits. %(owner)s %(left)d left until %(date)s. "
                "Ask for fewer images, or ask an admin for more credits.",
                needed,
            )
            % {
                "needed": needed,
                "owner": owner,
                "left": left,
                "date": date_format(renews_on, "j F"),
            }
        )
