"""Acts from a shell: who used a command, as the operating system names them."""

import getpass
import os
import socket

from accounts import audit
from accounts.audit.recording import Subject
from accounts.events import Event
from accounts.http import printable


def record_use(command: str, *, subject: Subject) -> None:
    """Record, in the caller's transaction, that `command` was used on `subject`."""
    audit.record(
        Event.SHELL_USED,
        actor=None,
        subject=subject,
        facts={"command": command},
        personal=who(),
    )


def who() -> dict[str, str]:
    """The operating system's user of this process, and the machine, as personal values."""
    return {"os_user": _user(), "host": printable(socket.gethostname())}


def _user() -> str:
    try:
        return printable(getpass.getuser())
    except (KeyError, OSError):  # a container may run as a number that has no name
        return str(os.getuid())
