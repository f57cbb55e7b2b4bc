import pytest
from django.utils import translation
from django.utils.functional import Promise
from PIL import Image

from generations.imaging import (
    ImageTooLarge,
    NotAnImage,
    UnusableImage,
    clean_reference,
    encode,
    inspect,
)
from tests.generations.imaging.images import (
    FORMATS,
    GREEN,
    RED,
    is_close,
    make_exif,
    make_file,
    make_noise,
    make_red_is_green_profile,
    read,
)


@pytest.mark.parametrize("image_format", FORMATS)
def test_gives_a_file_of_the_same_format_and_size(image_format):
    clean = clean_reference(make_file(image_format, size=(320, 240)))

    assert (clean.format, clean.width, clean.height) == (image_format, 320, 240)
    assert inspect(clean.data).format == image_format


@pytest.mark.parametrize("image_format", FORMATS)
def test_nothing_hidden_survives(image_format):
    upload = make_file(
        image_format,
        exif=make_exif(Artist="secret", Orientation=1),
        xmp=b"<x>secret</x>",
    )

    clean = clean_reference(upload + b"PK\x03\x04 secret archive")

    assert b"secret" not in clean.data
    assert read(clean.data).getexif() == {}


def test_orientation_and_profile_are_applied_before_metadata_is_dropped():
    upload = make_file(
        "JPEG",
        size=(320, 240),
        colour=RED,
        exif=make_exif(Orientation=6),
        icc_profile=make_red_is_green_profile(),
    )

    clean = clean_reference(upload)

    assert (clean.width, clean.height) == (240, 320)
    assert is_close(read(clean.data).getpixel((9, 9)), GREEN)


@pytest.mark.parametrize("size", [(14, 200), (200, 14), (1, 1)])
def test_too_small_is_refused(size):
    with pytest.raises(UnusableImage, match="at least 15 pixels"):
        clean_reference(make_file(size=size))


def test_the_smallest_side_is_allowed():
    assert clean_reference(make_file(size=(15, 15))).width == 15


@pytest.mark.parametrize("size", [(20, 321), (321, 20)])
def test_too_narrow_is_refused(size):
    with pytest.raises(UnusableImage, match="at most 16 times"):
        clean_reference(make_file(size=size))


def test_sixteen_to_one_is_allowed():
    assert clean_reference(make_file(size=(320, 20))).width == 320


def test_too_long_is_made_smaller():
    clean = clean_reference(make_file(size=(400, 200)), max_side=100)

    assert (clean.width, clean.height) == (100, 50)


def test_too_many_bytes_become_a_jpeg():
    upload = make_file("PNG", image=make_noise((128, 128)))

    clean = clean_reference(upload, max_bytes=40_000)

    assert clean.format == "JPEG"
    assert len(clean.data) <= 40_000


def test_still_too_many_bytes_become_a_coarser_jpeg():
    noise = make_noise((128, 128))
    coarse = encode(noise, "JPEG", quality=80)

    clean = clean_reference(make_file("PNG", image=noise), max_bytes=len(coarse))

    assert clean.data == coarse


def test_too_many_bytes_with_transparency_become_a_webp():
    noise = make_noise((128, 128))
    noise.putalpha(Image.linear_gradient("L").resize((128, 128)))

    clean = clean_reference(make_file("PNG", image=noise), max_bytes=40_000)

    assert clean.format == "WEBP"
    assert read(clean.data).mode == "RGBA"


def test_bytes_that_cannot_be_reduced_enough_are_refused():
    with pytest.raises(ImageTooLarge, match="Make the image smaller"):
        clean_reference(make_file("PNG", image=make_noise((128, 128))), max_bytes=2_000)


def test_a_file_that_is_no_image_is_refused():
    with pytest.raises(NotAnImage):
        clean_reference(b"<svg/>")


def test_a_message_is_translated_when_it_is_read():
    with pytest.raises(UnusableImage) as refused:
        clean_reference(make_file(size=(14, 200)))

    assert isinstance(refused.value.message, Promise)
    with translation.override("en"):
        assert str(refused.value.message) == (
            "The image has 14 × 200 pixels. Use one with at least 15 pixels on each side."
        )
