"""What was used each day, added up in the transactions in which it happens."""

from generations.usage.totals import corrected, costed, day_of, downloaded, ended, reopened, stored

__all__ = ["corrected", "costed", "day_of", "downloaded", "ended", "reopened", "stored"]
