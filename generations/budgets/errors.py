"""What a person is told when a budget does not cover a run."""

from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.phrases import sentences
from generations.models import BudgetMonth
from generations.models.money import to_usd


class BudgetUsedUp(Exception):
    """A run for `needed` US dollars, of which a month of a budget has only `left`."""

    def __init__(self, month: BudgetMonth, needed: Decimal) -> None:
        super().__init__(str(month))
        self.month, self.needed = month, needed
        self.left = to_usd(max(month.limit - month.used, 0))

    def in_words(self, *, with_amounts: bool) -> str:
        """What has happened and what to do; `with_amounts` for people who may see US dollars."""
        amounts = _("It has %(left)s USD left, and this needs %(needed)s USD.") % {
            "left": f"{self.left:.2f}",
            "needed": f"{self.needed:.2f}",
        }
        about = {
            "month": date_format(self.month.month, "F"),
            "date": date_format(self.month.renews_on, "MONTH_DAY_FORMAT"),
        }
        return sentences(
            self._what_has_happened() % about,
            amounts if with_amounts else "",
            self._what_to_do() % about,
        )

    def _what_has_happened(self) -> str:
        is_team = self.month.budget.team_id is not None
        if self.left:
            if is_team:
                return _("What is left of your team's budget for %(month)s does not cover this.")
            return _("What is left of the studio's budget for %(month)s does not cover this.")
        if is_team:
            return _("Your team's budget for %(month)s is used up.")
        return _("The studio's budget for %(month)s is used up.")

    def _what_to_do(self) -> str:
        if self.left:
            return _("Ask for fewer images, or ask an admin. The budget renews on %(date)s.")
        return _("It renews on %(date)s; ask an admin.")
