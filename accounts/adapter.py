"""How sign-in works here, by the hooks that allauth offers (`ACCOUNT_ADAPTER`)."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts import audit, sessions
from accounts.audit import tallies
from accounts.events import Event
from accounts.http import actor_of, caller, own_address, printable
from accounts.languages import written_for
from accounts.models import User


class StudioAccountAdapter(DefaultAccountAdapter):
    """Nobody can sign up, and each sign-in and refusal is recorded."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            audit.record(
                Event.USER_SIGNED_IN,
                actor=user,
                subject=user,
                personal=caller(request),
            )
        return super().post_login(request, user, **kwargs)

    def logout(self, request: HttpRequest) -> None:
        if request.user.is_authenticated:
            with transaction.atomic():
                audit.record(
                    Event.USER_SIGNED_OUT,
                    actor=actor_of(request),
                    subject=actor_of(request),
                    personal=caller(request),
                )
        super().logout(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Mail a person in their own language, not in that of the browser that asked."""
        with written_for(context["user"]) if "user" in context else nullcontext():
            super().send_mail(template_prefix, email, context)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        who = caller(self.request)
        tallies.note(Event.USER_RESET_ASKED, address=who["ip"], subject=user, personal=who)
        super().send_password_reset_mail(user, email, context)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:  # too many tries
            _note_failure(request, credentials)
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        _note_failure(request, credentials)

    def set_password(self, user: User, password: str) -> None:
        """Change the password and end the person's other sessions.

        Called by the page that asks for the old password and by reset links.
        """
        with transaction.atomic():
            user.set_password(password)
            user.save(update_fields=["password"])
            audit.record(
                Event.USER_CHANGED, actor=user, subject=user, facts={"changed": ["password"]}
            )
            sessions.end_all(user, keep=self._own_session(user))

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The URL of a sign-in link; absolute if the studio knows its own address."""
        # allauth treats the key as opaque. Its pattern is "<user>-<token>", so it has at least one
        # dash.
        user, token = key.split("-", 1)
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": user, "key": token})
        if self.request:
            return f"{own_address(self.request)}{path}"
        return f"{settings.PUBLIC_URL}{path}"

    def _own_session(self, user: User) -> SessionBase | None:
        """The session in which `user` changes their own password; None if somebody else does."""
        if self.request and self.request.user == user:
            return self.request.session
        return None


class StudioSessionsAdapter(DefaultUserSessionsAdapter):
    """A person who ends other sessions of their own is recorded."""

    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        ended = list(sessions)
        with transaction.atomic():
            super().end_sessions(ended)
            for user in {session.user for session in ended}:
                audit.record(
                    Event.USER_SESSIONS_ENDED,
                    actor=user,
                    subject=user,
                    facts={"sessions": sum(session.user_id == user.pk for session in ended)},
                    personal=caller(self.request),
                )


def _note_failure(request: HttpRequest, credentials: dict[str, Any]) -> None:
    """Record a refused sign-in with the e-mail address that was typed, never with the password."""
    who, typed = caller(request), printable(str(credentials.get("email", "")))
    person = User.objects.filter(email__iexact=typed).first()
    tallies.note(
        Event.USER_SIGN_IN_FAILED,
        address=who["ip"],
        facts={"person": str(person.uuid) if person else None},
        personal={"email": typed, **who},
    )
