"""Find rows by the words of a text, newest first. The cost does not grow with the rows.

`read_query` parses what a person typed. An `Index` holds the tokens of the rows of one table. It
uses FTS5 on SQLite, and a `tsvector` with a GIN index on PostgreSQL. Both store the tokens that
`accounts.search.tokens` makes, so both databases find the same rows.
"""

from accounts.search.index import Found, Index, IndexedRow
from accounts.search.stretches import first_of, stretch_of
from accounts.search.tokens import Query, read_query, tokens_of

__all__ = [
    "Found",
    "Index",
    "IndexedRow",
    "Query",
    "first_of",
    "read_query",
    "stretch_of",
    "tokens_of",
]
