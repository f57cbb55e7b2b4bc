"""Tables for people, credits, the log and notices. Other modules import models only from here."""

from accounts.models.allowance import Allowance, Entry
from accounts.models.credit_request import CreditRequest
from accounts.models.indexed_record import IndexedRecord
from accounts.models.notice import Notice, NoticeMute, NoticeReading
from accounts.models.outlet import Outlet, Posting
from accounts.models.personal_notice import MailChoice, PersonalNotice
from accounts.models.pulse import Pulse
from accounts.models.quota import PlannedQuota, TopUp
from accounts.models.reading import Reading
from accounts.models.record import EmptiedPayload, Record, RecordPayload, RecordTeam
from accounts.models.saved_search import SavedSearch
from accounts.models.sealing import (
    Checkpoint,
    Leaf,
    LogKey,
    SealState,
    Subtree,
    TimeStamp,
    Unsealed,
    Verification,
    Witness,
)
from accounts.models.studio import Studio
from accounts.models.tally import Tally
from accounts.models.team import Team
from accounts.models.user import User

__all__ = [
    "Allowance",
    "Checkpoint",
    "CreditRequest",
    "EmptiedPayload",
    "Entry",
    "IndexedRecord",
    "Leaf",
    "LogKey",
    "MailChoice",
    "Notice",
    "NoticeMute",
    "NoticeReading",
    "Outlet",
    "PersonalNotice",
    "PlannedQuota",
    "Posting",
    "Pulse",
    "Reading",
    "Record",
    "RecordPayload",
    "RecordTeam",
    "SavedSearch",
    "SealState",
    "Studio",
    "Subtree",
    "Tally",
    "Team",
    "TimeStamp",
    "TopUp",
    "Unsealed",
    "User",
    "Verification",
    "Witness",
]
