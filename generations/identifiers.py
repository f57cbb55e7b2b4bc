"""Identifiers as people and browsers send them."""

from uuid import UUID


def uuid_of(text: str) -> UUID | None:
    """The UUID that `text` writes, or None where it writes none."""
    try:
        return UUID(text)
    except ValueError:
        return None
