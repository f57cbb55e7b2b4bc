"""Identifiers as people and browsers send them."""

from uuid import UUID

NOBODY = UUID(int=0)


def uuid_of(text: str) -> UUID | None:
    """The UUID that `text` stands for; None if it is not one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def uuid_to_look_up(text: str) -> UUID:
    """The UUID that `text` stands for, or one that no row has: None would match empty columns."""
    return uuid_of(text) or NOBODY
