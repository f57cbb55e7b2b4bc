"""Why an erasure does not start, or stands still, by code."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.scrubbing import BUSY, NEEDS_OWNER, TOO_LARGE

HELD = "held"
UNFINISHED = "unfinished"
STILL_ACTIVE = "still_active"
GONE = "gone"
STORAGE_AWAY = "storage_away"
EXPORTING = "exporting"
FAILED = "failed"

SENTENCES: dict[str, Any] = {
    HELD: _("A legal hold forbids it. Whoever may lift the hold has to lift it first."),
    UNFINISHED: _(
        "Images may still arrive for it. Wait until every run has ended: cancel what waits in "
        "line, and decide the generations whose outcome is unknown. A failed generation that the "
        "provider may bill is waited for, for a day."
    ),
    STILL_ACTIVE: _(
        "The person can still sign in. Deactivate the account first: that ends the sessions and "
        "cancels what waits in line."
    ),
    GONE: _("What should be erased does not exist."),
    BUSY: _(
        "The database could not do it: something such as a back-up has been reading it since "
        "before, or its disk is full. The studio tries again by itself."
    ),
    NEEDS_OWNER: _(
        "The text is erased, but its old rows are still in the database's files. The role of "
        "DATABASE_URL may not remove them: run `manage.py finish_erasures` with "
        "MIGRATE_DATABASE_URL set, or wait until the server does it by itself (autovacuum)."
    ),
    TOO_LARGE: _(
        "The text is erased, but copies of its rows may be left in the free space of the "
        "database's file. The file is too large to remove them while the studio runs: stop the "
        "studio, run `manage.py finish_erasures`, and start the studio again."
    ),
    STORAGE_AWAY: _("The file storage can't be reached. The studio tries again by itself."),
    EXPORTING: _(
        "A worker is still making an export that was withdrawn. Its file is deleted as soon as the "
        "worker has stopped. The studio tries again by itself."
    ),
    FAILED: _("An error occurred, which a worker's log names. The studio tries again by itself."),
}


class ErasureRefused(Exception):
    """Nothing may be erased now. `code` says why, and `message` is for people."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def message(self) -> str:
        return str(SENTENCES[self.code])
