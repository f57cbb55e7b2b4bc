"""Server-sent events, however their bytes are cut."""

import pytest

from generations.providers.event_stream import EventReader, StreamEvent

# The form in which a provider's page prints its sample: lines of JSON without a field name.
UNPREFIXED = b"""event: made
data: {
  "type": "made",
  "url": "https://cdn.example/1.png"
}

data: [DONE]"""
UNPREFIXED_DATA = '{\n  "type": "made",\n  "url": "https://cdn.example/1.png"\n}'


def read(stream, step=None):
    reader = EventReader()
    pieces = [stream[n : n + step] for n in range(0, len(stream), step)] if step else [stream]
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.close()


def test_name_and_data():
    assert read(b"event: made\ndata: 1\n\ndata: 2\n\n") == [
        StreamEvent("made", "1"),
        StreamEvent("", "2"),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("step", [1, 2, 3, 7, None])
def test_any_line_end_cut_anywhere(end, step):
    stream = "event: made\ndata: Grüße 纸\ndata: two\n\nevent: x\ndata:3\n\n"
    expected = [StreamEvent("made", "Grüße 纸\ntwo"), StreamEvent("x", "3")]
    assert read(stream.encode().replace(b"\n", end), step) == expected


@pytest.mark.parametrize("step", [1, 5, None])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_lines_without_a_field_continue_the_data_above(step, end):
    events = read(UNPREFIXED.replace(b"\n", end), step)
    assert events == [StreamEvent("made", UNPREFIXED_DATA), StreamEvent("", "[DONE]")]


def test_an_event_is_given_as_soon_as_it_is_complete():
    reader = EventReader()
    assert reader.feed(b"data: 1\n") == []
    assert reader.feed(b"\ndata: 2") == [StreamEvent("", "1")]
    assert reader.feed(b"\n\n") == [StreamEvent("", "2")]
    assert reader.close() == []


def test_the_last_event_counts_without_its_blank_line():
    assert read(b"data: 1") == [StreamEvent("", "1")]
    assert read(b"data: 1\r") == [StreamEvent("", "1")]


def test_comments_unknown_fields_and_empty_events_are_ignored():
    assert read(b": still here\n\nid: 7\nretry: 9\n\nevent: made\n\nstray line\n\n") == []


@pytest.mark.parametrize("step", [1, 2, None])
def test_a_byte_order_mark_is_not_part_of_the_first_field(step):
    assert read(b"\xef\xbb\xbfdata: 1\n\n", step) == [StreamEvent("", "1")]


def test_invalid_utf_8_is_replaced():
    assert read(b"data: \xff\n\n") == [StreamEvent("", "\N{REPLACEMENT CHARACTER}")]


def test_an_empty_stream_has_no_events():
    assert read(b"") == []
