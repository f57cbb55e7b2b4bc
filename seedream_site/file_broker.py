"""A message broker in a folder, for Celery on one machine without a broker server.

Each message is a file. Two POSIX operations are enough: a message appears by `rename`, so nobody
reads half of one; and it is taken by `unlink`, which succeeds for exactly one of the processes that
try. There are no locks. kombu's own filesystem transport writes messages in place, and a worker
that reads one too early stops for good (kombu 5.7, its issue 1551).

A message that cannot be read is dropped, with a line in the log. Messages are only hints; the
workers look at the tables themselves.

Chosen by `broker_transport = "seedream_site.file_broker:Transport"`. Transport options:
`data_folder_in` and `data_folder_out`, the folders to read from and write to (normally the same
one; made if missing), and `polling_interval` in seconds.
"""

import logging
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, ClassVar, cast

from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport import virtual
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)

# No message's name starts with a dot, so a half-written one is ignored.
UNFINISHED_PREFIX = "."


class Channel(virtual.Channel):
    """Puts and gets messages; exchanges and bindings stay in memory.

    Every producer and consumer declares the queue that it uses, as Celery does, so no process needs
    the bindings of another.
    """

    @property
    def _inbox(self) -> Path:
        return self._folder("data_folder_in")

    @property
    def _outbox(self) -> Path:
        return self._folder("data_folder_out")

    def _folder(self, option: str) -> Path:
        client = cast(Connection, self.connection.client)
        return Path(cast(dict[str, str], client.transport_options)[option])

    def _waiting(self, queue: str) -> list[Path]:
        """The messages of `queue`, oldest first; none if there is no folder."""
        try:
            return sorted(self._messages(queue))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _messages(self, queue: str) -> Iterator[Path]:
        for path in self._inbox.iterdir():
            name, _, rest = path.name.partition(".")
            if name and rest == f"{queue}.msg":
                yield path

    def _put(self, queue: str, message: dict, **kwargs: Any) -> None:
        """Add `message` to `queue`. Raises `OperationalError` if the folder cannot be written."""
        # The wall clock, unlike a monotonic one, keeps the order when the machine restarts.
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        unfinished = self._outbox / f"{UNFINISHED_PREFIX}{name}"
        try:
            self._outbox.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(str_to_bytes(dumps(message)))
            unfinished.rename(self._outbox / name)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink()
            raise OperationalError(f"Can't write a message to {self._outbox}: {error}") from error

    def _get(self, queue: str, timeout: float | None = None) -> dict:
        """Take the oldest message of `queue`. Raises `Empty` if there is none."""
        for path in self._waiting(queue):
            content = _take(path)
            if content is None:
                continue
            try:
                return loads(bytes_to_str(content))
            except ValueError:
                log.warning("Dropped a message that can't be read: %s", path.name)
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._waiting(queue))

    def _purge(self, queue: str) -> int:
        """Remove every message of `queue`; returns how many there were."""
        return sum(_take(path) is not None for path in self._waiting(queue))


def _take(path: Path) -> bytes | None:
    """The bytes of a message, which no other process has then; None if another process took it."""
    try:
        content = path.read_bytes()
        path.unlink()
    except OSError:
        return None
    return content


class Transport(virtual.Transport):
    """The broker in a folder, in the form that kombu loads."""

    Channel = Channel
    driver_type = "filesystem"
    driver_name = "file_broker"
    default_connection_params: ClassVar = {}  # no host, so no warning about one
    # All connections of a process share it: kombu may open another without declaring the queues
    # again.
    _broker_state = virtual.BrokerState()

    def __init__(self, client: Connection, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self._broker_state

    def establish_connection(self) -> Any:
        """Raises `OperationalError` while the folder cannot be written: the server is away."""
        client = cast(Connection, self.client)
        folder = Path(cast(dict[str, str], client.transport_options)["data_folder_out"])
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder, prefix=UNFINISHED_PREFIX):
                return super().establish_connection()
        except OSError as error:
            raise OperationalError(f"Can't write a message to {folder}: {error}") from error

    def driver_version(self) -> str:
        return "1"
