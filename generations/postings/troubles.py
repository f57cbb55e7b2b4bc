"""Why a notice did not arrive, in words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generations.providers.posting import Trouble

# Codes of the studio itself; those of the network are in `Trouble`.
KEY_CHANGED = "key_changed"
BROKE_OFF = "broke_off"
TOO_OLD = "too_old"

_WORDS: dict[str, Promise] = {
    Trouble.ADDRESS: _(
        "The address can't be called: it must be an https address. For plain http in your own "
        "network, name host and port in PROVIDER_PRIVATE_HOSTS."
    ),
    Trouble.PRIVATE: _(
        "The address leads into a private network, where the studio calls nothing. If that is "
        "right, name host and port in PROVIDER_PRIVATE_HOSTS."
    ),
    Trouble.UNREACHED: _(
        "Nothing answers at the address. Check its host, and that this machine may call it."
    ),
    Trouble.CUT: _("The other side took the connection, but did not answer in time."),
    Trouble.REDIRECT: _("The address leads on to another one. Enter the one that it leads to."),
    Trouble.GONE: _("The other side does not know the address. Make a new one there."),
    Trouble.REFUSED: _("The other side refuses the text. Check the choice “written as”."),
    Trouble.BUSY: _("The other side got too much at once."),
    Trouble.FAILED: _("The other side has a fault of its own."),
    KEY_CHANGED: _("SECRET_KEY has changed. Enter address and secret again."),
    BROKE_OFF: _("The studio broke off while it sent. Its log says why."),
    TOO_OLD: _("It had waited for a day."),
}


def in_words(code: str) -> str:
    """The trouble as a sentence; empty if there was none."""
    return str(_WORDS.get(code, "")) if code else ""
