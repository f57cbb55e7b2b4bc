"""The run from which a form was filled, carried by the form as a mark that only the studio makes.

So the record of a run can name the run it was made from, and nobody can name one at will.
"""

from uuid import UUID

from django.core.signing import BadSignature, Signer

from accounts.models import User


def mark_of(run: UUID, *, user: User) -> str:
    """The mark of a run that `user` may see."""
    return _signer(user).sign(str(run))


def run_marked(mark: str, *, user: User) -> UUID | None:
    """The run that a mark names; None if the mark is empty, or was not made for `user`."""
    try:
        return UUID(_signer(user).unsign(mark))
    except BadSignature:
        return None


def _signer(user: User) -> Signer:
    return Signer(salt=f"parent of a run by {user.uuid}")
