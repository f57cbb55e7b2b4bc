"""What the composer says about more credits: what is missing, what was asked, what is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import credit_requests
from accounts.credit_requests import Wish
from accounts.errors import InsufficientCredits
from accounts.ledger import Balance
from accounts.models import CreditRequest, User
from generations.models import Run
from generations.pricing import credits_in_words

QUOTED = 60


@dataclass(frozen=True)
class Asking:
    """`label` is the text of the button that asks, or empty. `sent` says what was asked.

    `there` says that granted credits wait for something: `press` is the address of the button that
    uses them and `back` the page with their draft; if both are empty, the composer shows the draft.
    """

    label: str = ""
    sent: str = ""
    there: str = ""
    price: str = ""
    press: str = ""
    back: str = ""
    key: str = ""


def asking_of(user: User, *, prompt: str, price: int | None, balance: Balance) -> Asking:
    """What the composer with `prompt`, at `price` credits, says to `user`."""
    found = credit_requests.newest(user)
    if found and found.waits and found.price <= balance.left:
        return there(found, prompt)
    asked = found.credits if found and found.is_open else 0
    lacks = credit_requests.missing(user, price) if price and price > balance.left else None
    more = lacks.credits if lacks and lacks.credits > asked else 0
    return Asking(label=label_of(more) if more else "", sent=sent_in_words(asked) if asked else "")


def there(found: CreditRequest, prompt: str = "") -> Asking:
    """What is said of granted credits that wait, by a page whose composer holds `prompt`."""
    shown = Asking(
        there=_("Your credits are there."),
        price=credits_in_words(found.price) if found.price else "",
        press=found.press,
        key=str(found.uuid),
    )
    if found.press or found.prompt.strip() == prompt.strip():
        return shown
    text = _("Your credits are there for “%(prompt)s”.")
    back = f"{reverse('studio')}?{urlencode({'granted': '1'})}"
    words = text % {"prompt": Truncator(found.prompt).chars(QUOTED)}
    return Asking(there=words, price=shown.price, back=back)


def label_of(credits: int) -> str:
    """The text on the button that asks for `credits`."""
    return ngettext("Ask for %(count)d more", "Ask for %(count)d more", credits) % {
        "count": credits
    }


def sent_in_words(credits: int) -> str:
    """What the person is told while a request for `credits` is open."""
    text = ngettext(
        "You have asked for %(count)d credit. Admins are told; your prompt waits.",
        "You have asked for %(count)d credits. Admins are told; your prompt waits.",
        credits,
    )
    return text % {"count": credits}


@dataclass(frozen=True)
class Offer:
    """A button that asks for the credits that another button lacked: its text and its value."""

    label: str
    mark: str


def offer_after(error: Exception, *, user: User, path: str, run: Run) -> Offer | None:
    """The offer after `error` refused the press of the button at `path` about `run`."""
    if not isinstance(error, InsufficientCredits):
        return None
    lacks = credit_requests.missing(user, error.needed)
    mark = _signer(user).sign_object(
        {"press": path, "price": error.needed, "engine": run.engine, "run": str(run.uuid)}
    )
    return Offer(label_of(max(lacks.credits, 1)), mark)


def wish_marked(mark: str, *, user: User) -> Wish | None:
    """What a mark of `offer_after` stands for; None if it was not made for `user`."""
    try:
        told: Mapping[str, Any] = _signer(user).unsign_object(mark)
    except BadSignature:
        return None
    run = Run.objects.visible_to(user).filter(uuid=told["run"], erased_at__isnull=True).first()
    if run is None:
        return None
    draft = {"press": told["press"], "prompt": run.prompt}
    return Wish(price=told["price"], engine=told["engine"], draft=draft)


def _signer(user: User) -> Signer:
    return Signer(salt=f"credits for {user.uuid}")
