"""The steps of a generation: submit, poll, fetch, label, store, settle.

No step holds a transaction or a lock while it calls a provider, decodes an image or writes files. A
crash between two steps leaves a row that `generations.jobs.recovery` finds.
"""
