"""Sessions that are kept only in the database (`SESSION_ENGINE`).

Django's `cached_db` keeps copies in the cache. If a copy can't be deleted because the cache is
away, the ended session would be valid again.
"""

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore

from accounts import sessions
from accounts.commits import after_commit


class SessionStore(DatabaseSessionStore):
    """Forgets the viewer of a deleted session. Whatever ends a session calls `delete`."""

    def delete(self, session_key: str | None = None) -> None:
        super().delete(session_key)
        if ended := session_key or self.session_key:
            after_commit(sessions.forget_viewer, ended)
