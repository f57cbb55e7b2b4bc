"""Measures the studio with very many rows.

`python -m tests.bench.scale images 1000000` measures the gallery and its search, `records` the log,
`lists` the admin's lists, `line` the claims of workers,
`usage` the pages about credits and usage.

The database is that of DATABASE_URL, by default a temporary SQLite file; give an empty one to each
measurement. What is filled in stays afterwards. `line` deletes all runs.

On PostgreSQL, `images` takes a third argument: how many times as many images it makes of those that
were filled in. To copy rows takes less time than to fill them in (`copies`).
"""
