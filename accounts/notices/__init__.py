"""Notices to admins, in the app and by mail: once for each cause while it lasts.

`personal` and `digests` are about what `accounts.personal_notices` tells each person.

Each kind of notice is declared with its texts. `raise_notice` and `end` are for states, `tell` is
for events. Any number of processes may call them at once.
"""

from accounts.notices.digests import mail_due
from accounts.notices.kinds import Kind, declare, declared
from accounts.notices.muting import PERIODS, mute_notice, unmute_notice
from accounts.notices.personal import (
    mark_personal_read,
    personal_for,
    prune_personal,
    unread_personal,
)
from accounts.notices.raising import agree, end, end_unseen, lasting, prune, raise_notice, tell
from accounts.notices.reading import mark_read, mute, muted_kinds, notices_for, unmute, unread

__all__ = [
    "PERIODS",
    "Kind",
    "agree",
    "declare",
    "declared",
    "end",
    "end_unseen",
    "lasting",
    "mail_due",
    "mark_personal_read",
    "mark_read",
    "mute",
    "mute_notice",
    "muted_kinds",
    "notices_for",
    "personal_for",
    "prune",
    "prune_personal",
    "raise_notice",
    "tell",
    "unmute",
    "unmute_notice",
    "unread",
    "unread_personal",
]
