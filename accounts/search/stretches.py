"""Stretches: ranges of keys that a search reads one after the other, from the newest.

Each token contains the number of its row's stretch, so one step of a search reads no more rows than
a stretch holds.
"""

STRETCH_BITS = 13  # 8,192 keys
