"""Orders to make the labelled files of images again: which images, how many, how far.

A worker does the work: `generations.jobs.execution.relabelling`. A new file gets a new address, and
the old address leads to it.
"""
