from itertools import pairwise

import pytest

from generations.imaging.containers import (
    MAX_PARTS,
    chunks,
    completeness,
    dimensions,
    is_animated,
    sniff,
)
from tests.generations.imaging.images import (
    FORMATS,
    make_animation,
    make_exif,
    make_file,
    make_noise,
    png_chunk,
)


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_chunks_are_the_whole_file(image_format):
    data = make_file(image_format, exif=make_exif(Artist="somebody"), image=make_noise((65, 41)))

    found = list(chunks(data))

    assert sniff(data) == image_format
    assert all(one.end == next_one.start for one, next_one in pairwise(found))
    assert found[-1].end == len(data)


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": make_exif(Artist="x")}, {}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_kind_of_webp_says_its_size(mode, options):
    assert dimensions(make_file("WEBP", mode=mode, size=(301, 77), **options)) == (301, 77)


@pytest.mark.parametrize("options", [{"progressive": True}, {"optimize": True}, {}])
def test_every_kind_of_jpeg_says_its_size(options):
    assert dimensions(make_file("JPEG", size=(301, 77), **options)) == (301, 77)


def test_restart_markers_are_part_of_a_scan():
    data = make_file("JPEG", image=make_noise((64, 64)), restart_marker_blocks=1)

    assert b"\xff\xd0" in data
    assert completeness(data) == (True, 1)


def test_a_thumbnail_in_the_header_is_no_scan():
    thumbnail = make_file("JPEG", size=(16, 16))

    data = make_file("JPEG", exif=b"Exif\0\0" + thumbnail)

    assert completeness(data)[1] == 1
    assert completeness(data[:-2]) == (False, 1)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", make_file("BMP")])
def test_other_files_have_no_chunks(data):
    assert sniff(data) is None
    assert list(chunks(data)) == []
    assert dimensions(data) is None
    assert completeness(data) == (False, 0)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_an_animation_is_recognised_without_decoding(image_format):
    assert is_animated(make_animation(image_format))
    assert not is_animated(make_file(image_format))


@pytest.mark.parametrize("filling", [b"\xff", b"\xff\x01", b"\xff\xd0"])
def test_millions_of_fill_bytes_before_a_marker_are_one_step(filling):
    data = make_file("JPEG")
    stuffed = data[:2] + filling * 1_000_000 + data[2:]
    assert dimensions(stuffed) == dimensions(data)
    assert next(chunks(stuffed)).start >= len(stuffed) - len(data)


def test_a_file_of_very_many_parts_counts_as_incomplete():
    data = make_file("PNG")
    end = data.index(b"IDAT") - 4
    assert not completeness(data[:end] + png_chunk(b"teXt", b"") * MAX_PARTS + data[end:])[0]
