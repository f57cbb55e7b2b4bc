"""Why sealing or copying checkpoints has stopped, each with the sentence an admin reads."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TROUBLES: dict[str, Promise] = {
    "key_missing": _(
        "The private key that signs the log is not on this machine. Put the folder “keys” of "
        "DATA_DIR back from the back-up, or set LOG_SIGNING_KEY. If the key is lost, "
        "`manage.py rotate_log_key` makes a new one."
    ),
    "key_damaged": _(
        "The file of the private key that signs the log is damaged or can't be read. Put the "
        "folder “keys” of DATA_DIR back from the back-up. If the key is lost, "
        "`manage.py rotate_log_key` makes a new one."
    ),
    "key_unwritable": _(
        "The private key that signs the log can't be written. Make the folder “keys” in DATA_DIR "
        "writable, or set LOG_SIGNING_KEY."
    ),
    "key_other": _(
        "LOG_SIGNING_KEY does not belong to the newest public key of the log. Set the right key, "
        "or run `manage.py rotate_log_key` to use the new one from now on."
    ),
    "key_malformed": _("LOG_SIGNING_KEY is not the base64 of 32 bytes."),
    "key_same": _(
        "LOG_SIGNING_KEY is the key that signs the log already. Set a new one first, for example "
        "the output of `openssl rand -base64 32`."
    ),
    "key_used": _(
        "LOG_SIGNING_KEY is a key that has signed the log before. Whoever has got hold of it could "
        "go on signing. Set a new one, for example the output of `openssl rand -base64 32`."
    ),
    "public_key_damaged": _(
        "A public key of the log in the database is damaged, so the log has been changed. "
        "`manage.py verify_audit` says more."
    ),
    "tree_broken": _(
        "The sealed records do not give the root of the newest checkpoint, so the log has been "
        "changed. `manage.py verify_audit` names the place."
    ),
    "checkpoint_forged": _(
        "The newest checkpoint is not signed by a key of the log, or differs from its signed text, "
        "so the log has been changed. `manage.py verify_audit` says more."
    ),
    "places_far": _(
        "More than a million places of the log are empty: a record was inserted at a place far "
        "beyond its end. Delete the row with the highest place from the table accounts_leaf, as "
        "the owner of the database without the triggers of this table. Then run "
        "`manage.py audit_accept_damage` again."
    ),
    "file_unwritable": _(
        "The file of LOG_CHECKPOINT_FILE can't be written. Check its folder, its permissions and "
        "the free space on its disk."
    ),
    "file_damaged": _(
        "The end of the file of LOG_CHECKPOINT_FILE is not a checkpoint that a key of this log "
        "signed. Find out who changed the file, and put it back from the back-up. If there is "
        "none, move it away: the studio then begins a new one, on the record."
    ),
    "file_differs": _(
        "The file of LOG_CHECKPOINT_FILE holds a checkpoint that the log in the database does not "
        "contain. The database is older than the file, or the log has been changed. "
        "`manage.py verify_audit` says more."
    ),
    "bucket_away": _(
        "The bucket of LOG_CHECKPOINT_BUCKET can't be written. Check its address, the rights of "
        "the key, and that the bucket has object lock."
    ),
    "stamp_away": _(
        "The authority of LOG_TIMESTAMP_URL does not answer. Check its address, and that this "
        "machine reaches it."
    ),
    "stamp_refused": _(
        "The authority of LOG_TIMESTAMP_URL refuses the time stamp, or its answer is none of RFC "
        "3161. Check the address, or set another authority."
    ),
    "stamp_unwritable": _(
        "The folder of time stamps, beside LOG_CHECKPOINT_FILE, can't be written. Check its "
        "permissions and the free space on its disk."
    ),
    "unexpected": _("The log of the worker names the error."),
}


class Stopped(Exception):
    """Sealing or copying cannot go on; `code` is a key of `TROUBLES`, `reason` its sentence."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)

    @property
    def reason(self) -> str:
        return sentence(self.code)


def sentence(code: str) -> str:
    """The sentence of a code, also of one that only another version knows."""
    return str(TROUBLES.get(code, TROUBLES["unexpected"]))
