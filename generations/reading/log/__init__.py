"""The list of the log: one line for each run, or single records, newest first."""

from generations.reading.log.lines import Line, Outcome, Picture
from generations.reading.log.listing import PAGE_SIZE, LogPage, page
from generations.reading.log.noting import note_reading

__all__ = ["PAGE_SIZE", "Line", "LogPage", "Outcome", "Picture", "note_reading", "page"]
