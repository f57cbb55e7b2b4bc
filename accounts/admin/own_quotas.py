"""Own quotas of people, changed on the list, on a person's page, in bulk and from a table."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from accounts import ledger
from accounts.admin import usage
from accounts.admin.amounts import AmountForm
from accounts.errors import InvalidAmount
from accounts.models import Allowance, User
from accounts.phrases import pair


def change_quota(
    person: User, credits: int | None, *, shown: int | None, actor: User, reason: str = ""
) -> None:
    """Give `person` their own quota, or with None the default again; this month follows.

    Raises InvalidAmount, and changes nothing, if the quota is no longer the one that was `shown`.
    """
    if credits is not None:
        ledger.refuse_amount(credits)
    if not User.objects.filter(pk=person.pk, quota=shown).update(quota=credits):
        text = _("Somebody else has just changed the quota of %(person)s. Nothing was changed.")
        raise InvalidAmount(text % {"person": person})
    person.quota = credits
    ledger.follow_own_quota(person, actor=actor, reason=reason)


def in_words(quota: int | None) -> str:
    return _("default") if quota is None else str(quota)


def used_up(person: User) -> str:
    """What to say if `person` has used this month's credits or more; empty if some are left."""
    month = ledger.month_of_owner(person)
    allowance = Allowance.objects.filter(user=person, month=month).first()
    if allowance is None or not allowance.used or allowance.left > 0:
        return ""
    return usage.used_up_in_words(person, allowance.used, allowance.total)


class QuotasForm(AmountForm):
    """One quota for several people. `seen` stands for the quotas that the page showed."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = state_of(self.rows)

    def described(self) -> list[str]:
        return [pair(str(person), in_words(person.quota)) for person in self.rows]

    def clean_seen(self) -> str:
        state = state_of(self.rows)
        if self.cleaned_data["seen"] != state:
            given: Any = self.data
            data = given.copy()
            data["seen"] = state
            self.data = data
            self.add_error(
                "credits",
                _(
                    "Nothing was changed: somebody else has changed a quota of these people "
                    "meanwhile. They stand below as they are now; press again to replace them."
                ),
            )
        return state


def state_of(people: Iterable[User]) -> str:
    """A short text that differs if any of these quotas does."""
    pairs = sorted((person.pk, person.quota) for person in people)
    return sha256(repr(pairs).encode()).hexdigest()[:32]
