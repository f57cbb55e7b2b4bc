"""How signing in behaves here, in the hooks that allauth offers (`ACCOUNT_ADAPTER`)."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts import audit, sessions
from accounts.events import Event
from accounts.models import User


class StudioAccountAdapter(DefaultAccountAdapter):
    """People are invited, and what they do at the door is on the record."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            audit.record(
                Event.USER_SIGNED_IN,
                actor=user,
                subject=user,
                personal={
                    "ip": self.get_client_ip(request),
                    "user_agent": self.get_http_user_agent(request),
                },
            )
        return super().post_login(request, user, **kwargs)

    def set_password(self, user: User, password: str) -> None:
        """Change the password and end the person's other sessions.

        Reached by the page that asks for the old password and by reset links.
        """
        with transaction.atomic():
            user.set_password(password)
            user.save(update_fields=["password"])
            audit.record(
                Event.USER_CHANGED, actor=user, subject=user, facts={"changed": ["password"]}
            )
            sessions.end_all(user, except_key=self._own_session_key(user))

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The address of a sign-in link: absolute where the studio knows its own address."""
        # allauth keeps the key opaque; its pattern is "<user>-<token>", so one dash is in both.
        user, token = key.split("-", 1)
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": user, "key": token})
        if settings.PUBLIC_URL:
            return f"{settings.PUBLIC_URL}{path}"
        return self.request.build_absolute_uri(path) if self.request else path

    def _own_session_key(self, user: User) -> str | None:
        """The session in which `user` is changing their own password, if there is one."""
        if self.request and self.request.user == user:
            return self.request.session.session_key
        return None
