"""All events that the audit log can record, as `subject:action`.

Records outlive the code, so a name is never changed or reused.
"""

from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Event(TextChoices):
    RUN_SUBMITTED = "run:submitted", _("Run submitted")
    RUN_RETRIED = "run:retried", _("Tried again")
    RUN_REFUSED = "run:refused", _("Request refused before it was sent")
    CAMPAIGN_MADE = "campaign:made", _("Campaign made")
    GENERATION_QUEUED = "generation:queued", _("Waiting in line")
    GENERATION_SUBMITTING = "generation:submitting", _("Sending to provider")
    GENERATION_REQUESTED = "generation:requested", _("Request to provider")
    GENERATION_RUNNING = "generation:running", _("Accepted by provider")
    GENERATION_STORING = "generation:storing", _("Answer received")
    GENERATION_SUCCEEDED = "generation:succeeded", _("Generation succeeded")
    GENERATION_FAILED = "generation:failed", _("Generation failed")
    GENERATION_CANCELLED = "generation:cancelled", _("Generation cancelled")
    GENERATION_UNKNOWN = "generation:unknown", _("Outcome unknown")
    GENERATION_CANCEL_ASKED = "generation:cancel_asked", _("Cancellation requested")
    GENERATION_DECIDED = "generation:decided", _("Unknown outcome decided")
    IMAGE_STORED = "image:stored", _("Image stored")
    IMAGE_FETCH_ASKED = "image:fetch_asked", _("Missing image requested again")
    IMAGE_MISSED = "image:missed", _("Image could not be fetched")
    IMAGE_DOWNLOADED = "image:downloaded", _("Image downloaded")
    ORIGINAL_DOWNLOADED = "original:downloaded", _("Original downloaded")
    FILE_REFUSED = "file:refused", _("Damaged file refused")
    REFERENCE_UPLOADED = "reference:uploaded", _("Reference uploaded")
    REFERENCE_FETCHED = "reference:fetched", _("Reference fetched by its link")
    REFERENCE_CLEANED = "reference:cleaned", _("Reference cleaned")
    REFERENCE_REFUSED = "reference:refused", _("Reference refused")
    ALLOWANCE_OPENED = "allowance:opened", _("Month of credits opened")
    ALLOWANCE_LIMIT_SET = "allowance:limit_set", _("Monthly credits changed")
    ALLOWANCE_TOPPED_UP = "allowance:topped_up", _("Credits topped up")
    ALLOWANCE_WRITTEN_OFF = "allowance:written_off", _("Credits written off")
    LEDGER_DRIFTED = "ledger:drifted", _("Credits differ from their entries")
    PROVIDER_ALERTED = "provider:alerted", _("Admins told about a provider")
    USER_INVITED = "user:invited", _("Person invited")
    USER_CHANGED = "user:changed", _("Person changed")
    USER_DEACTIVATED = "user:deactivated", _("Person deactivated")
    USER_SIGNED_IN = "user:signed_in", _("Signed in")
    USER_SIGNED_OUT = "user:signed_out", _("Signed out")
    USER_SESSIONS_ENDED = "user:sessions_ended", _("Sessions ended")
    USER_RESET_ASKED = "user:reset_asked", _("Password reset asked")
    USER_SIGN_IN_FAILED = "user:sign_in_failed", _("Sign-in failed")
    WEBHOOK_FORGED = "webhook:forged", _("Forged webhook call refused")
    LOG_SEALING_BEGAN = "log:sealing_began", _("Sealing of the log began")
    LOG_EXPORTED = "log:exported", _("Log exported")
    LOG_KEY_ROTATED = "log:key_rotated", _("New key signs the log")
    LOG_DAMAGE_ACCEPTED = "log:damage_accepted", _("Damage to the log accepted")
    LOG_PLACE_LOST = "log:place_lost", _("Sealed record found missing")
    LOG_FILE_BEGUN = "log:file_begun", _("File of checkpoints begun again")
    SHELL_USED = "shell:used", _("Command used")
    RECORD_READ = "record:read", _("Log read")
    ADMIN_ADDED = "admin:added", _("Added in the admin")
    ADMIN_CHANGED = "admin:changed", _("Changed in the admin")
    ADMIN_DELETED = "admin:deleted", _("Deleted in the admin")


def event_choices() -> list[tuple[str, Any]]:
    """The choices for the model. It refers to this function, so a new event needs no migration."""
    return Event.choices
