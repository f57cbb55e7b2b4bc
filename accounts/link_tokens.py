"""The tokens of sign-in links (`ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR`)."""

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator


class LinkTokenGenerator(PasswordResetTokenGenerator):
    """Binds a token to the session number too, besides password, address and last sign-in.

    `sessions.end_all` raises the number when a person's permissions, team, address or active state
    change, so an old link does not open a changed account.
    """

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}.{user.session_number}"
