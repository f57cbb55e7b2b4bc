"""The triggers by which each database refuses to change a table's rows.

Both modules offer the same functions. A trigger is described by a text that is equal if the trigger
does the same, so that one that was replaced by a harmless one is found.
"""
