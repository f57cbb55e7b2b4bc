"""The read sides: what each page shows, gathered in a constant number of queries. Nothing writes
here but the note that a story was read."""
