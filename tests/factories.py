"""Rows for tests, made by plain functions that accept every value."""

import itertools
from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group

from accounts import outlets
from accounts.groups import ADMINS, MEMBERS
from accounts.models import Outlet, Team, User

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def make_team(**values: Any) -> Team:
    return Team.objects.create(**{"name": f"Team {next(_numbers)}"} | values)


def make_user(
    *, groups: Iterable[str] = (MEMBERS,), password: str = PASSWORD, **values: Any
) -> User:
    """A person who can sign in with `password`; a member of a new team unless said otherwise."""
    number = next(_numbers)
    groups = list(groups)
    values = {
        "email": f"person{number}@example.com",
        "name": f"Person {number}",
        "is_staff": ADMINS in groups,
    } | values
    if "team" not in values:
        values["team"] = make_team()
    user = User.objects.create_user(password=password, **values)
    user.groups.set(Group.objects.filter(name__in=groups))
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def make_outlet(
    address: str, *, secret: str = "a shared secret of the test", **values: Any
) -> Outlet:
    """The outlet of notices, which is on unless said otherwise."""
    sealed = {
        "sealed_address": outlets.seal(address),
        "sealed_secret": outlets.seal(secret),
    }
    return Outlet.objects.create(**sealed | values)
