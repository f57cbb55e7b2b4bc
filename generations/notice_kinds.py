"""The kinds of notices that `readiness.watch` and `jobs.provider_health` raise."""

from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.notices import Kind, declare
from generations.queues import IMAGES, PROVIDER

# A cause that returns within this time after its end makes no second notice.
CALM = timedelta(minutes=15)


def _declare(name: str, label: Promise, title: Promise, to_do: Promise) -> Kind:
    return declare(Kind(name, label, title, to_do, page="studio-status", calm=CALM))


RESTART_WORKERS = _(
    "A worker that ends is started again automatically, and no work is lost. If it does not come "
    "back, check its log for the reason and restart the studio."
)

# By queue.
WORKERS_SILENT = {
    PROVIDER: _declare(
        "workers:provider_silent",
        _("No worker talks to providers"),
        _("The worker that talks to providers has not run for a minute"),
        RESTART_WORKERS,
    ),
    IMAGES: _declare(
        "workers:images_silent",
        _("No worker labels images"),
        _("The worker that labels images has not run for a minute"),
        RESTART_WORKERS,
    ),
}

BEAT_SILENT = _declare(
    "beat:silent",
    _("No recurring work"),
    _("No recurring work has been started for a minute"),
    _(
        "Images are still made, but balances are not read and credits are not checked. Check that "
        "the program “beat” runs and that the broker works."
    ),
)

WORK_UNSENT = _declare(
    "work:unsent",
    _("Requests wait although a key is free"),
    _("Requests for %(provider)s have waited for 2 minutes although a key is free"),
    _(
        "Check that the worker that talks to providers is working, and that the key is also set on "
        "the machine where it runs."
    ),
)

# By step of `generations.readiness.backlog`.
WORK_LATE = {
    "poll": _declare(
        "work:unpolled",
        _("Providers are asked late for results"),
        _("A provider has not been asked about a request for 2 minutes"),
        _(
            "Check that the worker that talks to providers is working, and that it has the key "
            "that sent the request."
        ),
    ),
    "fetch": _declare(
        "work:unfetched",
        _("Finished images are fetched late"),
        _("A finished image has waited for 2 minutes to be fetched"),
        _(
            "Check that the worker that talks to providers is working. Providers' links expire, so "
            "an image that waits too long may be lost."
        ),
    ),
    "label": _declare(
        "work:unlabelled",
        _("Images are labelled late"),
        _("A fetched image has waited for 2 minutes to be labelled"),
        _(
            "Check that the worker that labels images is working. If it is, there is more work "
            "than it can do: start a second one, or give the machine more cores."
        ),
    ),
}

EXPORTS_UNMADE = _declare(
    "work:exports",
    _("Exports are made late"),
    _("An export has waited for an hour for a worker to begin it"),
    _(
        "Check that the worker that labels images is working: it also makes exports. If it is, "
        "there is more work than it can do: start a second one."
    ),
)

CONVERSIONS_LATE = _declare(
    "work:conversions",
    _("Files in other sizes are made or deleted late"),
    _("A file in another size or format waits to be made, or to be deleted"),
    _(
        "Check that the worker that labels images and beat are working, and that the file storage "
        "can be reached. The files are made for downloads and deleted after a week."
    ),
)

OUTCOME_UNKNOWN = _declare(
    "outcome:unknown",
    _("Outcomes unknown for an hour"),
    _("The outcome of a request to %(provider)s has been unknown for an hour"),
    _(
        "Its credits stay reserved. Look for the request in the provider's console. Then decide in "
        "the admin: enter its task id, accept the charge, or release the credits."
    ),
)

DISK_NEARLY_FULL = _declare(
    "disk:nearly_full",
    _("A disk is nearly full"),
    _("A disk of %(machine)s is nearly full: %(free)s GB are left"),
    _(
        "Free some space, or move DATA_DIR or the files to a larger disk. New images wait while "
        "the disk is full."
    ),
)

RECORDS_UNSEALED = _declare(
    "log:unsealed",
    _("Records of the log that are not sealed"),
    _("Records of the log have waited for 5 minutes to be sealed"),
    _(
        "Until they are sealed, nobody can prove that they have not been changed. %(reason)s Check "
        "that the program “beat” and the worker that talks to providers are working."
    ),
)

# By witness of `accounts.sealing`.
CHECKPOINTS_NOT_COPIED = {
    "file": _declare(
        "log:file_late",
        _("Checkpoints of the log that are not in their file"),
        _("A checkpoint of the log has waited for 15 minutes to be written to its file"),
        _("Until then, the file cannot prove that the newest records are complete. %(reason)s"),
    ),
    "bucket": _declare(
        "log:bucket_late",
        _("Checkpoints of the log that are not in their bucket"),
        _("A checkpoint of the log has waited for 15 minutes to be written to its bucket"),
        _("Until then, the bucket cannot prove that the newest records are complete. %(reason)s"),
    ),
    "timestamp": _declare(
        "log:timestamp_late",
        _("Checkpoints of the log without a time stamp"),
        _("For more than an hour, no checkpoint of the log has got a time stamp"),
        _("Until then, no third party confirms when the newest records were sealed. %(reason)s"),
    ),
}

ERASURE_LATE = _declare(
    "erasure:late",
    _("Erasures that stand still"),
    _("An erasure has not come further for 15 minutes"),
    _("The list of erasures in the admin names it. %(reason)s"),
)

RELABELLING_LATE = _declare(
    "relabelling:late",
    _("Labelling again that stands still"),
    _("An order to label images again has not come further for an hour"),
    _(
        "The list of orders in the admin names it. New images go first, so it waits while many are "
        "made. %(reason)s"
    ),
)

LOG_CHANGED = _declare(
    "log:changed",
    _("Records of the log that have been changed"),
    _("The log is not as it was sealed"),
    _(
        "%(reason)s Somebody has changed the database, or an older copy was restored. Run "
        "`manage.py verify_audit`, and keep a copy of the database as it is until you know what "
        "happened."
    ),
)

LOG_UNVERIFIED = _declare(
    "log:unverified",
    _("Records of the log that are not verified"),
    _("Sealed records of the log have waited for 15 minutes to be verified"),
    _(
        "Until then, a change of the newest records is not noticed. Check that the program “beat” "
        "and the worker that talks to providers are working."
    ),
)

FILE_DAMAGED = _declare(
    "file:damaged",
    _("Stored files that have changed"),
    _("A stored file has been changed or lost: %(name)s"),
    _(
        "The studio does not show it. Find out who changes files in the folder or bucket of "
        "STORAGE_URL. A labelled file is made again from its original by itself, and this notice "
        "then ends. Restore an original or an upload from the back-up; then it is shown again. The "
        "log names the image."
    ),
)

# By code of `generations.certificates.troubles`.
IMAGES_UNSIGNED = _declare(
    "labels:unsigned",
    _("Images that are not signed"),
    _("Images are delivered without a signature"),
    _("%(reason)s Until then files have the badge and the other marks, and no signed manifest."),
)

IMAGES_UNMARKED = _declare(
    "labels:unmarked",
    _("Images without an imperceptible mark"),
    _("Images are delivered without an imperceptible mark"),
    _(
        "%(reason)s Put the folder “keys” of DATA_DIR back from the back-up, or set "
        "LABEL_MARK_KEY. Until then files have all other labels. Afterwards "
        "`manage.py relabel --only unmarked` marks them."
    ),
)

# The cause is the number of the key.
MARK_KEY_LOST = _declare(
    "labels:mark_key_lost",
    _("A lost key of the imperceptible mark"),
    _("Key %(number)s of the imperceptible mark is not on this machine"),
    _(
        "Images that were marked with it can't be recognised by their pixels. Put the folder "
        "“keys” of DATA_DIR back from the back-up, or name the key in LABEL_MARK_KEY. If it is "
        "lost for good, `manage.py rotate_mark_key --give-up %(number)s` says so in the log, and "
        "`manage.py relabel` marks all images with the new key. Files that have left keep the old "
        "mark."
    ),
)

IMAGES_UNSTAMPED = _declare(
    "labels:unstamped",
    _("Signatures without a time stamp"),
    _("The authority of LABEL_TIMESTAMP_URL gives no time stamps"),
    _(
        "Images are signed without one, so their signatures are valid only as long as the "
        "certificate. Check the address, and that this machine reaches it."
    ),
)

CERTIFICATE_ENDS = _declare(
    "labels:certificate_ends",
    _("A signing certificate that ends"),
    _("The certificate that signs images ends on %(until)s"),
    _(
        "One of LABEL_CHAIN: set a new chain. One of the studio's own: the private key of its root "
        "is not on this machine, so it can't be renewed. Put the folder “keys” of DATA_DIR back "
        "from the back-up, or run `manage.py rotate_label_key`, which makes a new root."
    ),
)

MARKS_STOPPED = declare(
    Kind(
        "provider:unmarked",
        _("Engines that no longer mark their images"),
        _("%(engine)s no longer marks its images: %(mark)s is missing"),
        _(
            "Its last images came without the mark that it used to write. The studio's own labels "
            "are in every file as before. Ask the provider whether it has stopped marking: its "
            "terms or the law of your market may require the mark. This ends when an image with "
            "the mark arrives, or after 30 days."
        ),
        page="providers",
        calm=CALM,
    )
)

# `generations.jobs.provider_health`, which knows codes and engines, writes both texts.
KEY_NEEDS_CARE = declare(
    Kind(
        "provider:key",
        _("Keys at providers"),
        title="%(subject)s",
        to_do="%(text)s",
        page="providers",
    )
)

OUTCOMES_RELEASED = _declare(
    "outcomes:released",
    _("Requests given up with an unknown outcome"),
    _("Requests given up because their outcome stayed unknown: %(count)s"),
    _(
        "No provider said within %(hours)s hours what became of these requests. Their credits were "
        "returned. If a provider bills the requests, the studio pays. Images that still arrive "
        "within a day are delivered and not charged. The log names each generation."
    ),
)

QUOTAS_LATE = _declare(
    "quotas:late",
    _("Quotas that change late"),
    _("A top-up has not ended, or a planned quota has not begun, for an hour after its time"),
    _(
        "Check that beat and the worker that talks to providers are working. If they are, the log "
        "of the worker names what could not be changed, and why."
    ),
)

PROOF_LATE = _declare(
    "credits:proof_late",
    _("Credits that are not proved"),
    _("The nightly proof of the credits has not ended for three days"),
    _(
        "Check that beat and the worker that talks to providers are working. If they are, the log "
        "of the worker says why. `manage.py reconcile_credits` proves the credits at once."
    ),
)

CREDITS_UNPROVED = declare(
    Kind(
        "credits:unproved",
        _("Credits that do not add up"),
        _("The proof of the credits has found something that does not add up"),
        _(
            "The page says what differs, and what to do about it. Keep a copy of the database "
            "first: something may have changed it past the studio. This ends when the nightly "
            "proof finds no difference."
        ),
        page="credits-proof",
    )
)
