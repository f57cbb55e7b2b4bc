"""What the log and the stories say of a record: its title and icon, who and what it is about."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.models import Record, Team, User
from generations.label_chips import WORDS, chip
from generations.labelling import PREVIEW
from generations.models import Image, Rendition, Run
from generations.paths import rendition_path


def runs_to_read(reader: User) -> QuerySet[Run]:
    """The runs whose stories `reader` may open."""
    return Run.objects.all() if audit.reads_whole_log(reader) else Run.objects.visible_to(reader)


def title_of(event: str, facts: Mapping[str, Any]) -> str:
    """What a record says has happened: the name of its event, or the code of an unknown event."""
    if event == Event.STUDIO_CONFIGURED and not facts.get("changed"):
        return _("Settings recorded for the first time")
    return str(Event(event).label) if event in _EVENTS else event


def look_of(event: str) -> tuple[str, str]:
    """The icon of an event, and its tone: ok, warn, bad or empty."""
    return _LOOKS.get(event, ("circle-dashed", ""))


def name_without_actor(event: str) -> str:
    """The name that the log shows for an act without an actor."""
    return _("Someone outside the studio") if event in _BY_STRANGERS else _("System")


def previews_of(records: Sequence[Record], reader: User) -> dict[UUID, tuple[str, str]]:
    """Address and chip of the images that records are about, by the image's identifier."""
    subjects = [record.subject_id for record in records if record.subject_kind == "image"]
    if not subjects:
        return {}
    images = Image.objects.visible_to(reader).filter(uuid__in=subjects)
    previews = Rendition.objects.filter(image__in=images, recipe=PREVIEW.name)
    found = previews.values_list("image__uuid", "uuid", "format", WORDS)
    return {
        image: (rendition_path(uuid, image_format), chip(words))
        for image, uuid, image_format, words in found
    }


def names_of(records: Sequence[Record]) -> dict[UUID, str]:
    """The names of the people and teams that records are about, except for people's own acts."""
    about: dict[str, set[UUID]] = {"user": set(), "team": set()}
    for record in records:
        if record.actor is None or record.actor.uuid != record.subject_id:
            about.get(record.subject_kind, set()).add(record.subject_id)
    people = {user.uuid: str(user) for user in User.objects.filter(uuid__in=about["user"])}
    teams = Team.objects.filter(uuid__in=about["team"])
    return people | {team.uuid: team.name for team in teams}


# `Event.values` is a new list each time.
_EVENTS = frozenset(Event)

_BY_STRANGERS = (
    Event.REFERENCE_FETCHED,
    Event.USER_RESET_ASKED,
    Event.USER_SIGN_IN_FAILED,
    Event.WEBHOOK_FORGED,
)

_LOOKS: dict[str, tuple[str, str]] = {
    Event.RUN_SUBMITTED: ("send", ""),
    Event.RUN_REFUSED: ("ban", "warn"),
    Event.CAMPAIGN_MADE: ("image", ""),
    Event.RUN_RETRIED: ("refresh-cw", ""),
    Event.PROVIDER_ALERTED: ("bell", "warn"),
    Event.GENERATION_QUEUED: ("clock", ""),
    Event.GENERATION_SUBMITTING: ("arrow-up", ""),
    Event.GENERATION_REQUESTED: ("arrow-up", ""),
    Event.GENERATION_RUNNING: ("sparkles", ""),
    Event.GENERATION_STORING: ("download", ""),
    Event.GENERATION_SUCCEEDED: ("circle-check", "ok"),
    Event.GENERATION_FAILED: ("triangle-alert", "bad"),
    Event.GENERATION_CANCELLED: ("ban", ""),
    Event.GENERATION_UNKNOWN: ("circle-question-mark", "warn"),
    Event.GENERATION_CANCEL_ASKED: ("ban", ""),
    Event.GENERATION_DECIDED: ("clipboard-check", ""),
    Event.IMAGE_STORED: ("image", ""),
    Event.IMAGE_FETCH_ASKED: ("refresh-cw", ""),
    Event.IMAGE_MISSED: ("triangle-alert", "bad"),
    Event.IMAGE_RELABELLED: ("refresh-cw", ""),
    Event.IMAGE_LEFT_OUT: ("triangle-alert", "warn"),
    Event.RELABELLING_ASKED: ("refresh-cw", ""),
    Event.RELABELLING_STOPPED: ("triangle-alert", "warn"),
    Event.RELABELLING_RESUMED: ("refresh-cw", ""),
    Event.RELABELLING_FINISHED: ("circle-check", ""),
    Event.IMAGE_CONVERSION_ASKED: ("maximize-2", ""),
    Event.IMAGE_CONVERTED: ("image", ""),
    Event.IMAGE_DOWNLOADED: ("download", ""),
    Event.ORIGINAL_DOWNLOADED: ("download", "warn"),
    Event.FILE_INSPECTED: ("file-search", ""),
    Event.REFERENCE_UPLOADED: ("upload", ""),
    Event.REFERENCE_DECLARED: ("clipboard-check", ""),
    Event.REFERENCE_DROPPED: ("trash-2", ""),
    Event.SNIPPET_SAVED: ("star", ""),
    Event.SNIPPET_DELETED: ("trash-2", ""),
    Event.REFERENCE_CLEANED: ("image", ""),
    Event.REFERENCE_REFUSED: ("triangle-alert", "bad"),
    Event.REFERENCE_FETCHED: ("link-2", ""),
    Event.ALLOWANCE_OPENED: ("coins", ""),
    Event.ALLOWANCE_LIMIT_SET: ("coins", ""),
    Event.ALLOWANCE_TOPPED_UP: ("coins", ""),
    Event.ALLOWANCE_TOP_UP_ENDED: ("coins", ""),
    Event.ALLOWANCE_WRITTEN_OFF: ("coins", ""),
    Event.CREDITS_ASKED: ("coins", ""),
    Event.CREDITS_GRANTED: ("coins", "ok"),
    Event.CREDITS_DECLINED: ("coins", "warn"),
    Event.CREDITS_WITHDRAWN: ("coins", ""),
    Event.CREDITS_LAPSED: ("coins", "warn"),
    Event.CREDITS_LET_GO: ("coins", ""),
    Event.CREDITS_EXPORTED: ("download", ""),
    Event.QUOTA_TOOK_EFFECT: ("coins", ""),
    Event.QUOTAS_EXPORTED: ("coins", ""),
    Event.QUOTAS_IMPORTED: ("coins", ""),
    Event.LEDGER_DRIFTED: ("shield-alert", "bad"),
    Event.LEDGER_UNPROVED: ("shield-alert", "bad"),
    Event.LEDGER_CORRECTED: ("coins", "warn"),
    Event.USER_INVITED: ("mail", ""),
    Event.USER_CHANGED: ("user", ""),
    Event.USER_LEFT_TEAM: ("user", ""),
    Event.USER_DEACTIVATED: ("user", "warn"),
    Event.USER_SIGNED_IN: ("log-in", ""),
    Event.USER_SIGNED_OUT: ("log-in", ""),
    Event.USER_SESSIONS_ENDED: ("log-in", ""),
    Event.USER_RESET_ASKED: ("mail", ""),
    Event.NOTICES_MAILED: ("mail", ""),
    Event.PERSONAL_ERASED: ("trash-2", "warn"),
    Event.ERASURE_ASKED: ("trash-2", ""),
    Event.ERASURE_STOPPED: ("triangle-alert", "warn"),
    Event.ERASURE_RESUMED: ("trash-2", ""),
    Event.ERASURE_FINISHED: ("circle-check", ""),
    Event.RETENTION_APPLIED: ("clock", "warn"),
    Event.RUN_ERASED: ("trash-2", "warn"),
    Event.IMAGE_ERASED: ("trash-2", "warn"),
    Event.REFERENCE_ERASED: ("trash-2", "warn"),
    Event.LOG_SEARCH_ERASED: ("trash-2", "warn"),
    Event.HOLD_PLACED: ("lock", ""),
    Event.HOLD_LIFTED: ("lock", "warn"),
    Event.LABEL_ROOT_ADDED: ("lock", ""),
    Event.LABEL_CERTIFICATE_ADDED: ("lock", ""),
    Event.LABEL_MARK_KEY_MADE: ("lock", ""),
    Event.LABEL_MARK_KEY_LOST: ("lock", "warn"),
    Event.LABEL_CERTIFICATE_WITHDRAWN: ("lock", "bad"),
    Event.SHELL_USED: ("settings", "warn"),
    Event.USER_SIGN_IN_FAILED: ("log-in", "warn"),
    Event.NOTICE_RAISED: ("bell", "warn"),
    Event.NOTICE_MUTED: ("bell", ""),
    Event.NOTICE_UNMUTED: ("bell", ""),
    Event.NOTICE_POSTED: ("bell", ""),
    Event.NOTICE_NOT_POSTED: ("bell", "warn"),
    Event.NOTICE_POSTING_ASKED: ("refresh-cw", ""),
    Event.OUTLET_TESTED: ("bell", ""),
    Event.WEBHOOK_FORGED: ("shield-alert", "warn"),
    Event.LOG_EXPORTED: ("download", "warn"),
    Event.USAGE_EXPORTED: ("chart-column", ""),
    Event.EXPORT_ASKED: ("folder", ""),
    Event.EXPORT_MADE: ("folder", ""),
    Event.EXPORT_FAILED: ("triangle-alert", "bad"),
    Event.EXPORT_DOWNLOADED: ("download", "warn"),
    Event.EXPORT_DELETED: ("trash-2", ""),
    Event.EXPORT_EXPIRED: ("clock", ""),
    Event.LOG_OPENED: ("eye", ""),
    Event.IMAGES_HIDDEN: ("eye-off", ""),
    Event.IMAGES_RESTORED: ("undo-2", ""),
    Event.IMAGES_TAGGED: ("star", ""),
    Event.IMAGES_UNTAGGED: ("star", ""),
    Event.IMAGES_MOVED: ("folder", ""),
    Event.IMAGES_PACKED: ("download", ""),
    Event.GALLERY_VIEW_SAVED: ("star", ""),
    Event.GALLERY_VIEW_DELETED: ("trash-2", ""),
    Event.GALLERY_SEARCHED: ("eye", ""),
    Event.PROMPTS_SEEN: ("eye", ""),
    Event.RECORD_READ: ("eye", ""),
    Event.STUDIO_STARTED: ("cpu", ""),
    Event.STUDIO_STOPPED: ("cpu", ""),
    Event.STUDIO_CONFIGURED: ("settings", "warn"),
    Event.STUDIO_MIGRATED: ("settings", ""),
    Event.PROVIDER_TESTED: ("coins", ""),
    Event.PROVIDER_BALANCE: ("coins", ""),
    Event.LOG_SEARCHED: ("search", ""),
    Event.LOG_SEARCH_SAVED: ("star", ""),
    Event.LOG_SEARCH_DELETED: ("trash-2", ""),
    Event.ADMIN_ADDED: ("settings", ""),
    Event.ADMIN_CHANGED: ("settings", ""),
    Event.ADMIN_DELETED: ("trash-2", ""),
}
