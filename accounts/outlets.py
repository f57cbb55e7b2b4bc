"""The outlet: the one address outside to which notices go, and the queue of what goes there.

Each notice is queued in the transaction that makes it; `generations.postings` sends it. Address and
secret are encrypted with a key made from SECRET_KEY, so a copy of the database alone gives neither
away. If SECRET_KEY changes, they can't be read any more and have to be entered again.
"""

import base64
import datetime as dt
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import Notice, Outlet, Posting

SALT = "accounts.outlets"
# The kind that says that the outlet fails (`generations.postings`).
FAILS = "outlet:fails"
# How long ended postings are kept, and how many at most.
KEPT = dt.timedelta(days=30)
KEPT_MOST = 1000


class Unreadable(Exception):
    """SECRET_KEY has changed since the address was entered."""


@dataclass(frozen=True)
class Target:
    """Where notices go. `address` may be a secret, and `secret` is the key of the signature."""

    address: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def masked(self) -> str:
        """The address up to its host; the rest may be a secret."""
        return masked(self.address)


def current() -> Outlet | None:
    """The outlet, if an admin has set one up."""
    return Outlet.objects.first()


def seal(text: str) -> bytes:
    """`text` as it is stored in the outlet."""
    return _cipher().encrypt(text.encode())


def target(outlet: Outlet) -> Target:
    """Address and secret in plain text. Raises Unreadable."""
    try:
        return Target(_opened(outlet.sealed_address), _opened(outlet.sealed_secret))
    except InvalidToken:
        raise Unreadable from None


def masked(address: str) -> str:
    """Scheme and host of `address`, such as https://hooks.slack.com/…"""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"


def append(notice: Notice) -> None:
    """Queue `notice` in the caller's transaction, if the outlet is on and takes its kind.

    That the outlet fails is not told to the outlet.
    """
    outlet = current()
    if outlet and outlet.is_on and notice.kind not in {FAILS, *outlet.left_out}:
        Posting.objects.create(notice=notice)


def prune() -> None:
    """Delete postings that ended long ago, and the oldest ones beyond `KEPT_MOST`."""
    ended = Posting.objects.exclude(state=Posting.State.WAITING)
    ended.filter(ended_at__lt=timezone.now() - KEPT).delete()
    newest_to_go = ended.order_by("-id").values_list("pk", flat=True)[KEPT_MOST:]
    if limit := newest_to_go.first():
        ended.filter(pk__lte=limit).delete()


def _cipher() -> Fernet:
    key = salted_hmac(SALT, "outlet", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _opened(sealed: bytes | memoryview) -> str:
    return _cipher().decrypt(bytes(sealed)).decode()
