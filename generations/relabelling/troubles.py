"""Why an image is left out, or an order stands still, by code."""

from typing import Any

from django.utils.translation import gettext_lazy as _

# Of an image.
ORIGINAL_LOST = "original_lost"
ORIGINAL_CHANGED = "original_changed"
NOT_LABELLED = "not_labelled"
NO_BETTER = "no_better"
WORKER_DIED = "worker_died"
# Of an order.
STORAGE_AWAY = "storage_away"
FAILED = "failed"
BY_PERSON = "by_person"

SENTENCES: dict[str, Any] = {
    ORIGINAL_LOST: _("Its original is lost from storage. Restore it from the back-up."),
    ORIGINAL_CHANGED: _("Its original was changed in storage. Restore it from the back-up."),
    NOT_LABELLED: _("It could not be labelled. The log of the worker says why."),
    NO_BETTER: _("The new files would lack the same, so the old ones stay."),
    WORKER_DIED: _("Workers died while they labelled it."),
    STORAGE_AWAY: _("The file storage can't be reached. The studio tries again by itself."),
    FAILED: _("An error occurred, which a worker's log names. The studio tries again by itself."),
    BY_PERSON: _("Somebody has stopped it."),
}
