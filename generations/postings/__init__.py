"""Sends notices to the outlet: a channel of a chat, or a program of your own.

`accounts.outlets` queues each notice; here postings are claimed, sent, tried again and given up.
docs/outlet.md says what is sent, and how a receiver checks the signature.
"""

from generations.postings.kinds import NOT_SENT, STAND_STILL
from generations.postings.sending import is_late, send_again, send_due, send_test
from generations.postings.troubles import KEY_CHANGED, in_words

__all__ = [
    "KEY_CHANGED",
    "NOT_SENT",
    "STAND_STILL",
    "in_words",
    "is_late",
    "send_again",
    "send_due",
    "send_test",
]
