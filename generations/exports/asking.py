"""Asking for an export, within limits."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.events import Event
from accounts.models import User
from generations.exports.registry import KINDS
from generations.models import Export
from generations.models.export import OPEN

# Of one person: exports that wait or are being made, and exports with a file.
MOST_OPEN, MOST_KEPT = 3, 20


class ExportRefused(Exception):
    """The person has too many exports. The text says what to do."""


@transaction.atomic
def ask(user: User, *, kind: str, format: str, options: dict[str, Any]) -> Export:
    """Let a worker make an export. `options` are what the kind needs, as JSON.

    Raises ExportRefused, and KeyError for an unknown kind or format.
    """
    KINDS[kind].format(format)
    # So that two requests at once can't both be the last one allowed.
    User.objects.select_for_update().get(pk=user.pk)
    _refuse_too_many(user)
    export = Export.objects.create(
        user=user,
        team=user.team,
        of_whole_log=audit.reads_whole_log(user),
        kind=kind,
        format=format,
        options=options,
        next_action_at=timezone.now(),
    )
    filters = options.get("filters")
    audit.record(
        Event.EXPORT_ASKED,
        actor=user,
        subject=export,
        facts={"kind": kind, "format": format, "filtered": bool(filters)},
        personal={"filters": filters} if filters else None,
    )
    return export


def _refuse_too_many(user: User) -> None:
    own = Export.objects.filter(user=user)
    if own.filter(state__in=OPEN).count() >= MOST_OPEN:
        raise ExportRefused(
            _("%(count)d of your exports are not ready yet. Wait for one, or delete one.")
            % {"count": MOST_OPEN}
        )
    if own.filter(state__in=[*OPEN, Export.State.READY]).count() >= MOST_KEPT:
        raise ExportRefused(
            _("You have %(count)d exports. Delete one that you no longer need.")
            % {"count": MOST_KEPT}
        )
