"""Exports: files that people ask for, that workers make, and that expire.

A kind (`kinds`) says what an export holds and writes it. All else is the same for every kind:
`asking` for it, its `ends`, its file in storage; workers make it in `generations.jobs`.
"""
