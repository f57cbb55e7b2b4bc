"""The records of the log that fit filters, as the page of the log shows them."""

from collections.abc import Iterator
from typing import Any

from accounts.audit import searching
from accounts.audit.searching import Asked
from accounts.models import User


def keys(reader: User, asked: dict[str, Any], *, size: int) -> Iterator[list[int]]:
    """Yield the keys of all records that `reader` may see and that fit `asked`, `size` at once.

    `asked` is what `Asked.as_json` has written.
    """
    return searching.keys(reader, Asked.from_json(asked), size=size)
