"""Files that are made to break what reads them: nothing raises, and each layer is bounded."""

import json
import struct
import zlib

import pytest

from generations.labelling.inspecting.layers import read_layers
from generations.labelling.inspecting.reports import as_json
from generations.labelling.inspecting.verdict import faults
from generations.labelling.metadata.splice import insert_xmp
from tests.generations.imaging.images import (
    FORMATS,
    make_animation,
    make_exif,
    make_file,
)
from tests.generations.labelling.carriers import peak_of, with_chunks, with_packet
from tests.generations.labelling.packets import make_mark, make_packet

DEEP = 20_000


def test_no_image():
    assert read_layers(b"").problems == ("not_an_image",)
    assert read_layers(b"<html>").problems == ("not_an_image",)


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_file_cut_anywhere(image_format):
    data = insert_xmp(
        make_file(image_format, size=(16, 16), exif=make_exif(Software="Camera")),
        make_packet(f"<TC260:AIGC>{make_mark()}</TC260:AIGC>"),
    )

    cut = [read_layers(data[:end]) for end in range(0, len(data), 9)]

    assert all(layers.problems for layers in cut)


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_file_with_any_byte_changed(image_format):
    packet = make_packet(f"<TC260:AIGC>{make_mark()}</TC260:AIGC>")
    exif = make_exif(Software="Camera", Artist="Ada")
    data = bytearray(insert_xmp(make_file(image_format, size=(16, 16), exif=exif), packet))

    for at in range(0, len(data), 11):
        for flipped in (data[at] ^ 0xFF, 0):
            before, data[at] = data[at], flipped
            json.dumps(as_json(read_layers(bytes(data))))
            data[at] = before


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_animation(image_format):
    assert "animated" in read_layers(make_animation(image_format)).problems


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_polyglot_has_bytes_after_the_image(image_format):
    found = read_layers(make_file(image_format) + b"PK\3\4 and a whole archive")

    assert found.trailing == len(b"PK\3\4 and a whole archive")
    assert "trailing_bytes" in faults(found)


@pytest.mark.parametrize(
    ("packet", "problem"),
    [
        (make_packet(before='<!DOCTYPE x [<!ENTITY e "ee">]>'), "not_readable"),
        (b"<x:xmpmeta", "not_readable"),
        (b"\xff" * 100, "not_readable"),
        (make_packet("x" * 10_000_000), "too_large"),
    ],
    ids=["a document type", "cut", "no text", "10 MB"],
)
def test_hostile_packet(packet, problem):
    body = b"XML:com.adobe.xmp\0\0\0\0\0" + packet

    assert read_layers(with_chunks((b"iTXt", body))).xmp.problem == problem


@pytest.mark.parametrize(
    "nested",
    ["<x>" * DEEP + "</x>" * DEEP, "<TC260:AIGC>" * DEEP + "</TC260:AIGC>" * DEEP],
    ids=["any elements", "marks"],
)
def test_a_packet_nested_20000_deep(nested):
    found = read_layers(with_packet(nested))

    assert (found.xmp.problem, found.aigc) == ("", ())


def test_a_packet_with_thousands_of_marks():
    assert len(read_layers(with_packet("<TC260:AIGC>{}</TC260:AIGC>" * 30_000)).aigc) == 5


def test_a_mark_of_many_brackets():
    (mark,) = read_layers(with_packet(f"<TC260:AIGC>{'[' * 9_000}</TC260:AIGC>")).aigc

    assert mark.problems == ("not_readable",)


def test_packets_beyond_the_third_are_only_counted():
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(make_packet("x" * 900_000), 9)

    found = read_layers(with_chunks(*[(b"iTXt", body)] * 200))

    assert found.xmp.packets == 200
    assert "xmp_twice" in faults(found)


def test_a_bomb_of_compressed_text_needs_little_memory():
    bomb = zlib.compress(b"x" * 50_000_000, 9)
    data = with_chunks(
        (b"zTXt", b"Comment\0\0" + bomb),
        (b"iTXt", b"AIGC\0\1\0\0\0" + bomb),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
    )

    assert peak_of(data) < 8_000_000
    assert read_layers(data).xmp.problem == "too_large"


def test_thousands_of_text_fields():
    data = with_chunks(*[(b"tEXt", b"k\0v")] * 3_000)

    assert len(read_layers(data).texts) == 50


def test_a_bomb_of_exif_entries_needs_little_memory():
    """Each of its entries claims the same 900,000 bytes."""
    entries = b"".join(
        struct.pack("<HHII", tag, 2, 900_000, 8) for tag in range(0x0100, 0x0100 + 20_000)
    )
    tiff = b"II*\0" + struct.pack("<IH", 8, 20_000) + entries
    data = with_chunks((b"eXIf", tiff.ljust(950_000, b"x")))

    assert peak_of(data) < 8_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x8769, 4, 1, 8),
        b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x0131, 2, 2**32 - 1, 2**32 - 1),
        b"x" * 2_000_000,
    ],
    ids=["empty", "cut", "far", "no entries", "circle", "long text", "2 MB"],
)
def test_broken_exif(body):
    found = read_layers(with_chunks((b"eXIf", body))).exif

    assert (found.software, found.has_place) == ("", False)


def test_a_name_of_a_field_with_control_characters():
    (field,) = read_layers(with_chunks((b"tEXt", b"a\x1b[31mb\0v"))).texts

    assert field.name == "a?[31mb"


def test_a_manifest_of_50_mb_is_not_read():
    data = with_chunks((b"caBX", b"\0" * 50_000_000))

    assert peak_of(data) < 8_000_000
    assert read_layers(data).credentials.problems == ("too_large",)
