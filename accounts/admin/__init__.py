"""The Django admin of people and credits, and the base class of every admin class."""

from accounts.admin import credit_requests, credits, people, planned, site, teams
from accounts.admin.recorded import ReadOnlyAdmin, RecordedAdmin

__all__ = [
    "ReadOnlyAdmin",
    "RecordedAdmin",
    "credit_requests",
    "credits",
    "people",
    "planned",
    "site",
    "teams",
]
