"""People, money and accountability: the rows. Other modules import models from here only."""

from accounts.models.allowance import Allowance, Entry
from accounts.models.record import Record, RecordPayload
from accounts.models.team import Team
from accounts.models.user import User
from accounts.models.worker import Worker

__all__ = ["Allowance", "Entry", "Record", "RecordPayload", "Team", "User", "Worker"]
