"""Why images can't be signed, each with the sentence that an admin reads."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TROUBLES: dict[str, Promise] = {
    "key_missing": _(
        "The private key that signs images is not on this machine. Put the folder “keys” of "
        "DATA_DIR back from the back-up, or set LABEL_CHAIN and LABEL_KEY. If the key is lost, "
        "`manage.py rotate_label_key` makes a new one."
    ),
    "key_damaged": _(
        "The file of the private key that signs images is damaged or can't be read. Put the "
        "folder “keys” of DATA_DIR back from the back-up. If the key is lost, "
        "`manage.py rotate_label_key` makes a new one."
    ),
    "key_unwritable": _(
        "The private key that signs images can't be written. Make the folder “keys” in DATA_DIR "
        "writable, or set LABEL_CHAIN and LABEL_KEY."
    ),
    "root_missing": _(
        "The certificate that signs images ends soon, and the private key of the studio's root is "
        "not on this machine. Put the folder “keys” of DATA_DIR back from the back-up. If the key "
        "is lost, `manage.py rotate_label_key` makes a new root; give it to those who have the old "
        "one."
    ),
    "clock_behind": _(
        "By the clock of this machine, no certificate that signs images is valid yet. Set the "
        "clock right."
    ),
    "chain_malformed": _(
        "LABEL_CHAIN holds no certificates in PEM of which each is signed by the next one."
    ),
    "chain_unfit": _(
        "The first certificate of LABEL_CHAIN is not one for signing content credentials: a key on "
        "the curve P-256, and the purpose e-mail protection, document signing or claim signing."
    ),
    "chain_expired": _(
        "By the clock of this machine, a certificate of LABEL_CHAIN has expired. Set the clock "
        "right, or set a new chain."
    ),
    "chain_early": _(
        "By the clock of this machine, a certificate of LABEL_CHAIN is not valid yet. Set the "
        "clock right."
    ),
    "chain_withdrawn": _(
        "LABEL_CHAIN names a certificate that was withdrawn. Set a new chain with a new key."
    ),
    "chain_short": _(
        "LABEL_CHAIN has one certificate only. Add those above it, up to the one that readers know."
    ),
    "chain_differs": _("The studio's processes have different values of LABEL_CHAIN."),
    "chain_alone": _("LABEL_CHAIN is set, but neither LABEL_KEY nor LABEL_KMS_KEY."),
    "key_alone": _("LABEL_KEY or LABEL_KMS_KEY is set, but not LABEL_CHAIN."),
    "key_twice": _("LABEL_KEY and LABEL_KMS_KEY are both set. Set one of them."),
    "key_malformed": _("LABEL_KEY is not the PEM of a private key without a password."),
    "key_other": _("The private key does not belong to the first certificate of LABEL_CHAIN."),
    "refused": _(
        "The key signs nothing, or what it signs does not verify. The log of the worker names the "
        "error. With LABEL_KMS_KEY, check that the service answers and that the studio may use the "
        "key."
    ),
}


class Stopped(Exception):
    """Images can't be signed; `code` is a key of `TROUBLES`, `reason` its sentence."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)

    @property
    def reason(self) -> str:
        return str(TROUBLES[self.code])
