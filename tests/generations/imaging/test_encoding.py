import pytest
from PIL import Image, PngImagePlugin

from generations.imaging import ALLOWED_FORMATS, encode, extension, inspect, mime_type
from generations.imaging.containers import chunks
from tests.generations.imaging.images import (
    WHITE,
    is_close,
    make_exif,
    make_file,
    make_noise,
    make_red_is_green_profile,
    read,
)

# All parts of a file that contains only pixels.
PIXEL_CHUNKS = {
    "JPEG": {b"\xe0", b"\xdb", b"\xc0", b"\xc4", b"\xda", b"\xd9"},
    "PNG": {b"IHDR", b"IDAT", b"IEND"},
    "WEBP": {b"VP8 "},
}


def make_talkative(image_format: str) -> Image.Image:
    """An image that Pillow read from a file full of metadata."""
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a secret prompt")
    return read(
        make_file(
            image_format,
            exif=make_exif(ImageDescription="a secret prompt"),
            xmp=b"<x>a secret prompt</x>",
            icc_profile=make_red_is_green_profile(),
            comment="a secret prompt",
            pnginfo=text,
            dpi=(300, 300),
        )
    )


@pytest.mark.parametrize("source", ALLOWED_FORMATS)
@pytest.mark.parametrize("image_format", ALLOWED_FORMATS)
def test_writes_pixels_and_nothing_else(source, image_format):
    data = encode(make_talkative(source), image_format)

    assert inspect(data).format == image_format
    assert {chunk.kind for chunk in chunks(data)} == PIXEL_CHUNKS[image_format]
    assert b"secret" not in data


def test_png_loses_nothing():
    noise = make_noise((32, 32))

    assert read(encode(noise, "PNG")).tobytes() == noise.tobytes()


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP"])
def test_quality_weighs_bytes_against_detail(image_format):
    noise = make_noise((64, 64))

    sizes = [len(encode(noise, image_format, quality=quality)) for quality in (40, 80, None)]

    assert sizes == sorted(set(sizes))


def test_transparent_pixels_become_white_in_a_jpeg():
    image = read(encode(Image.new("RGBA", (16, 16), (0, 0, 0, 0)), "JPEG"))

    assert is_close(image.getpixel((8, 8)), WHITE)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_transparency_is_kept_where_there_is_any(image_format):
    image = read(encode(Image.new("RGBA", (16, 16), (0, 0, 200, 90)), image_format))

    assert is_close(image.getpixel((8, 8)), (0, 0, 200, 90))


def test_other_formats_are_refused():
    with pytest.raises(ValueError, match="GIF is not one of JPEG, PNG, WEBP"):
        encode(Image.new("RGB", (8, 8)), "GIF")


def test_mime_types_and_extensions():
    assert [mime_type(name) for name in ALLOWED_FORMATS] == [
        "image/jpeg",
        "image/png",
        "image/webp",
    ]
    assert [extension(name) for name in ALLOWED_FORMATS] == ["jpg", "png", "webp"]
