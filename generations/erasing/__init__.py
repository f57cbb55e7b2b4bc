"""Erases texts and images for good: by order of a person, or by age.

The log keeps its leaves and digests, so it still verifies; each emptied payload is named by a
record. `asking` and `holds` are for pages, `work` and `retention` for workers.
"""
