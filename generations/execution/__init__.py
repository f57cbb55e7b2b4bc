"""The work itself: submit, poll, fetch, label, store, settle. One module for each step.

No step holds a transaction or a lock while it talks, draws or writes files. A crash between two
steps leaves a row that `generations.recovery` finds.
"""
