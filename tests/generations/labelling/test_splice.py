import tracemalloc
import zlib

import pytest
from PIL import Image

from generations.imaging import inspect
from generations.imaging.containers import chunks
from generations.labelling import read_xmp
from generations.labelling.metadata.splice import MAX_JPEG_PACKET_BYTES, insert_xmp
from tests.generations.imaging.images import FORMATS, make_exif, make_file, png_chunk, read

PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>first</x:xmpmeta>"
OTHER = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>the second, longer</x:xmpmeta>"


def xmp_chunk(*, compressed: bool, text: bytes) -> bytes:
    """A PNG with a packet in a form that only PNG has: compressed, or with a language."""
    flag = b"\1\0" if compressed else b"\0\0"
    body = b"XML:com.adobe.xmp\0" + flag + b"en\0key\0" + text
    data = make_file("PNG")
    return data[:33] + png_chunk(b"iTXt", body) + data[33:]


@pytest.mark.parametrize("image_format", FORMATS)
def test_reads_back_what_was_put_in(image_format):
    data = insert_xmp(make_file(image_format), PACKET)

    assert read_xmp(data) == PACKET
    assert inspect(data).format == image_format


@pytest.mark.parametrize("image_format", FORMATS)
def test_pillow_finds_the_same_packet(image_format):
    assert read(insert_xmp(make_file(image_format), PACKET)).info["xmp"] == PACKET


@pytest.mark.parametrize("image_format", FORMATS)
def test_reads_what_pillow_wrote(image_format):
    if image_format == "PNG":
        data = xmp_chunk(compressed=False, text=PACKET)
    else:
        data = make_file(image_format, xmp=PACKET)

    assert read_xmp(data) == PACKET


@pytest.mark.parametrize("image_format", FORMATS)
def test_there_is_only_ever_one_packet(image_format):
    data = insert_xmp(insert_xmp(make_file(image_format), PACKET), OTHER)

    assert read_xmp(data) == OTHER
    assert b"first" not in data
    assert data == insert_xmp(make_file(image_format), OTHER)


@pytest.mark.parametrize("image_format", FORMATS)
def test_pixels_stay_byte_for_byte(image_format):
    plain = make_file(image_format, size=(61, 37))

    before = [bytes(chunk.body) for chunk in chunks(plain)]
    after = [bytes(chunk.body) for chunk in chunks(insert_xmp(plain, PACKET))]

    assert [body for body in after if body in before] == before


@pytest.mark.parametrize("image_format", FORMATS)
def test_other_metadata_stays(image_format):
    exif = make_exif(Artist="somebody")

    data = insert_xmp(make_file(image_format, exif=exif), PACKET)

    assert read(data).getexif()[0x013B] == "somebody"


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_plain_webp_is_extended_without_loss(mode, lossless):
    colour = (10, 200, 30, 120)[: len(mode)]
    plain = make_file("WEBP", mode=mode, colour=colour, size=(61, 37), lossless=lossless)

    extended = insert_xmp(plain, PACKET)

    header = next(chunks(extended))
    assert header.kind == b"VP8X"
    assert bool(header.body[0] & 0x10) == (mode == "RGBA")  # RFC 9649, 2.7: the alpha flag
    assert read(extended).mode == mode
    assert read(extended).size == (61, 37)
    assert read(extended).tobytes() == read(plain).tobytes()


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_file_without_a_packet_has_none(image_format):
    assert read_xmp(make_file(image_format)) is None


def test_what_is_no_image_has_none():
    assert read_xmp(b"<svg/>") is None


def test_a_jpeg_starts_with_its_own_header():
    kinds = [chunk.kind for chunk in chunks(insert_xmp(make_file("JPEG"), PACKET))]

    assert kinds[:2] == [b"\xe0", b"\xe1"]


def test_a_jpeg_holds_no_more_than_a_segment():
    data = make_file("JPEG")

    full = insert_xmp(data, b"x" * MAX_JPEG_PACKET_BYTES)

    assert len(read_xmp(full)) == MAX_JPEG_PACKET_BYTES
    with pytest.raises(ValueError, match="does not fit"):
        insert_xmp(data, b"x" * (MAX_JPEG_PACKET_BYTES + 1))


def test_a_gif_gets_none():
    with pytest.raises(ValueError, match="JPEG, PNG and WebP"):
        insert_xmp(make_file("GIF"), PACKET)


def test_reads_a_compressed_packet():
    assert read_xmp(xmp_chunk(compressed=True, text=zlib.compress(PACKET))) == PACKET


def test_a_packet_that_unpacks_without_end_is_refused():
    bomb = zlib.compress(b" " * 50_000_000)

    data = xmp_chunk(compressed=True, text=bomb)

    tracemalloc.start()
    with pytest.raises(ValueError, match="above 1 MB"):
        read_xmp(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_packet_that_does_not_unpack_is_refused():
    with pytest.raises(ValueError, match="does not decompress"):
        read_xmp(xmp_chunk(compressed=True, text=b"no zlib"))


def test_a_packet_above_a_megabyte_is_refused():
    with pytest.raises(ValueError, match="above 1 MB"):
        read_xmp(xmp_chunk(compressed=False, text=b" " * 1_000_001))


def test_fill_bytes_between_segments_are_skipped():
    data = insert_xmp(make_file("JPEG"), PACKET)
    at = data.index(b"\xff\xe1")

    assert read_xmp(data[:at] + b"\xff\xff\xff" + data[at:]) == PACKET


def test_the_image_is_the_same_to_look_at():
    image = Image.radial_gradient("L").convert("RGB")
    plain = make_file("JPEG", image=image)

    assert read(insert_xmp(plain, PACKET)).tobytes() == read(plain).tobytes()
