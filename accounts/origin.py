"""Where an act comes from: a request, a shell, or the studio itself.

`audit.record` asks here, so no caller has to say it. A thread that an act starts has no origin:
what workers do is the studio's own work, whoever asked for it.
"""

import getpass
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest

from accounts.http import caller, printable, session_name

Values = dict[str, Any]

_facts: ContextVar[Values] = ContextVar("facts", default={})  # noqa: B039  # never changed
_personal: ContextVar[Callable[[], Values]] = ContextVar("personal", default=dict)


@contextmanager
def of_request(request: HttpRequest) -> Iterator[None]:
    """Let the records of the block name the caller's address and session."""
    token = _personal.set(lambda: _of_caller(request))
    try:
        yield
    finally:
        _personal.reset(token)


@contextmanager
def at_shell(command: str) -> Iterator[None]:
    """Let the records of the block name `command`, the operating system's user and the machine."""
    facts, personal = _facts.set({"command": command}), _personal.set(who)
    try:
        yield
    finally:
        _facts.reset(facts)
        _personal.reset(personal)


def facts() -> Values:
    """What every reader of a record may know of its origin: the command, if it is from a shell."""
    return _facts.get()


def personal(*, by_person: bool) -> Values:
    """The personal values of the origin. A request says nothing of acts that are nobody's."""
    return _personal.get()() if by_person or facts() else {}


def who() -> Values:
    """The operating system's user of this process, and the machine, as personal values."""
    return {"os_user": _user(), "host": printable(socket.gethostname())}


def _of_caller(request: HttpRequest) -> Values:
    found = {"ip": caller(request)["ip"], "session": session_name(request)}
    return {name: value for name, value in found.items() if value}


def _user() -> str:
    try:
        return printable(getpass.getuser())
    except (KeyError, OSError):  # a container may run as a number that has no name
        return str(os.getuid())
