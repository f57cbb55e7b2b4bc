"""How dates and numbers are written in each language (`FORMAT_MODULE_PATH`).

The names that Django does not know are the studio's own: `{{ at|date:"ZONED_FORMAT" }}`.
"""
