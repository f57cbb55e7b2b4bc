"""Notices to admins, in the app and by mail: once for each cause while it lasts.

Each kind of notice is declared with its texts. `raise_notice` and `end` are for states, `tell` is
for events. Any number of processes may call them at once.
"""

from accounts.notices.kinds import Kind, declare, declared
from accounts.notices.raising import end, end_unseen, lasting, prune, raise_notice, tell
from accounts.notices.reading import mark_read, mute, muted_kinds, notices_for, unmute, unread

__all__ = [
    "Kind",
    "declare",
    "declared",
    "end",
    "end_unseen",
    "lasting",
    "mark_read",
    "mute",
    "muted_kinds",
    "notices_for",
    "prune",
    "raise_notice",
    "tell",
    "unmute",
    "unread",
]
