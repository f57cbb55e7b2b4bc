"""What the scripts in this folder share: a database of their own, and a person in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from accounts.models import User
from tests.factories import make_user


@contextmanager
def studio() -> Iterator[User]:
    """A test database, empty caches, and a person with unlimited credits."""
    connection.creation.create_test_db(verbosity=0)
    name = connection.settings_dict["NAME"]
    settings.DATABASES["default"]["NAME"] = name
    cache.clear()
    try:
        yield make_user(email="alice@example.com", quota=1_000_000)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def set_up() -> str:
    """The names of the database and the broker in use."""
    broker = "Redis" if settings.CELERY_BROKER_URL else "files"
    return f"{connection.vendor}, messages in {broker}"
