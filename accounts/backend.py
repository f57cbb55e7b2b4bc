"""Reads the person who asks (`AUTHENTICATION_BACKENDS`)."""

from django.contrib.auth.backends import ModelBackend

from accounts.models import User


class PersonBackend(ModelBackend):
    """Django's backend, but it reads a person and their team in one query: most pages need both."""

    def get_user(self, user_id: int) -> User | None:
        user = User.objects.select_related("team").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
