"""Server-sent events, read as bytes arrive. Pure, and not specific to a provider.

Follows the WHATWG HTML standard, 9.2 "Server-sent events", and is more tolerant in two points,
because samples on providers' pages need it: a line that is not a field continues the data above it,
and the last event counts without the blank line that should follow it.
"""

import re
from dataclasses import dataclass

LINE_END = re.compile(rb"\r\n|\n|\r")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIELDS = frozenset({"event", "data", "id", "retry"})


@dataclass(frozen=True)
class StreamEvent:
    """One event; `name` is empty if the stream gives none."""

    name: str
    data: str


class EventReader:
    """Takes a stream in pieces of any size and gives the events that each piece completes."""

    def __init__(self) -> None:
        self._begun = False
        self._rest = b""
        self._name = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[StreamEvent]:
        text = self._rest + piece
        if not self._begun:
            if BYTE_ORDER_MARK.startswith(text[:3]) and len(text) < len(BYTE_ORDER_MARK):
                self._rest = text
                return []
            self._begun, text = True, text.removeprefix(BYTE_ORDER_MARK)
        # A carriage return at the end may be the first half of a line ending.
        held = b"\r" if text.endswith(b"\r") else b""
        *lines, rest = LINE_END.split(text[: len(text) - len(held)])
        self._rest = rest + held
        events = [self._line(line.decode("utf-8", "replace")) for line in lines]
        return [event for event in events if event]

    def close(self) -> list[StreamEvent]:
        """The last event, if the stream did not end it."""
        return self.feed(b"\n\n")

    def _line(self, line: str) -> StreamEvent | None:
        if not line:
            return self._end_of_event()
        name, _, value = line.partition(":")
        if name == "event":
            self._name = value.removeprefix(" ")
        elif name == "data":
            self._data.append(value.removeprefix(" "))
        elif name and name not in FIELDS and self._data:
            self._data.append(line)
        return None

    def _end_of_event(self) -> StreamEvent | None:
        name, data = self._name, self._data
        self._name, self._data = "", []
        return StreamEvent(name, "\n".join(data)) if data else None
