import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageFile

from generations.imaging import (
    ImageFacts,
    ImageTooLarge,
    NotAnImage,
    TruncatedImage,
    UnusableImage,
    clean_reference,
    decode,
    fit,
    inspect,
    one_at_a_time,
)
from generations.imaging.decoding import glance
from tests.generations.imaging.images import (
    BLUE,
    FORMATS,
    GREEN,
    RED,
    WHITE,
    claim_size,
    is_close,
    make_animation,
    make_exif,
    make_file,
    make_noise,
    make_png,
    make_red_is_green_profile,
)


def make_scan_bomb(scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    data = make_file("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


class TestInspect:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_gives_the_facts_of_an_image(self, image_format):
        assert inspect(make_file(image_format, size=(30, 20))) == ImageFacts(image_format, 30, 20)

    def test_gives_the_size_that_people_see(self):
        sideways = make_file("JPEG", size=(30, 20), exif=make_exif(Orientation=6))

        assert inspect(sideways) == ImageFacts("JPEG", 20, 30)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\0\0\0\0WEBP",
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
            b"<!doctype html><title>An error page</title>",
            b'{"error": "not found"}',
            make_file("GIF"),
            make_file("BMP"),
            make_file("TIFF"),
            b"GIF89a/*" + make_file("JPEG") + b"*/=1;alert(1)",
            b"<html><!--" + make_file("PNG") + b"--></html>",
            b"PK\x03\x04" + make_file("WEBP"),
        ],
        ids=lambda data: repr(data[:12]),
    )
    def test_refuses_what_does_not_begin_as_an_allowed_image(self, data):
        with pytest.raises(NotAnImage):
            inspect(data)

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_accepts_an_image_followed_by_other_bytes(self, image_format):
        hiding = make_file(image_format) + b"PK\x03\x04 an archive \xff\xda\xff\xe1"

        assert inspect(hiding).format == image_format

    @pytest.mark.parametrize("image_format", FORMATS)
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
    def test_distinguishes_a_truncated_file_from_another_format(self, image_format, share):
        whole = make_file(image_format, image=make_noise((64, 64)))

        with pytest.raises(TruncatedImage):
            inspect(whole[: int(len(whole) * share)])

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_notices_missing_last_bytes(self, image_format):
        with pytest.raises(TruncatedImage):
            inspect(make_file(image_format)[:-2])

    def test_refuses_a_header_without_pixels(self):
        with pytest.raises(NotAnImage):
            inspect(make_png(64, 64, rows=b"\0" * 20))

    def test_refuses_pixels_that_do_not_decompress(self):
        broken = bytearray(make_file("PNG", image=make_noise((64, 64))))
        broken[len(broken) // 2 : len(broken) // 2 + 60] = b"\xff" * 60

        with pytest.raises(NotAnImage) as refused:
            inspect(bytes(broken))

        assert not isinstance(refused.value, TruncatedImage)

    def test_refuses_a_size_of_zero(self):
        with pytest.raises(NotAnImage):
            inspect(make_png(0, 64))

    @pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
    def test_refuses_an_animation(self, image_format):
        with pytest.raises(UnusableImage, match="animated"):
            inspect(make_animation(image_format))

    def test_takes_a_phone_photo_with_a_second_image_inside(self):
        photo = make_animation("MPO")

        assert inspect(photo) == ImageFacts("JPEG", 32, 32)


class TestBombs:
    def test_a_tiny_png_that_claims_to_be_huge(self):
        bomb = make_png(60_000, 60_000)

        assert len(bomb) < 100
        with pytest.raises(ImageTooLarge, match="60000 × 60000"):
            inspect(bomb)

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_every_format_is_refused_by_its_header(self, image_format):
        with pytest.raises(ImageTooLarge):
            inspect(claim_size(make_file(image_format), 16_000, 16_000))

    def test_a_canvas_larger_than_its_frame(self):
        extended = bytearray(make_file("WEBP", exif=make_exif(Orientation=1)))
        at = extended.index(b"VP8X") + 12
        extended[at : at + 6] = struct.pack("<I", 16_000)[:3] * 2

        with pytest.raises(ImageTooLarge):
            inspect(bytes(extended))

    def test_the_limit_itself_is_allowed(self, monkeypatch):
        monkeypatch.setattr("generations.imaging.decoding.MAX_PIXELS", 64 * 64)

        assert inspect(make_file(size=(64, 64))).width == 64
        with pytest.raises(ImageTooLarge):
            inspect(make_file(size=(64, 65)))

    def test_a_jpeg_with_endless_scans(self):
        with pytest.raises(NotAnImage):
            inspect(make_scan_bomb(200))

    def test_an_ordinary_progressive_jpeg_is_accepted(self):
        assert inspect(make_file("JPEG", progressive=True)).format == "JPEG"

    def test_pillows_own_limit_is_left_alone(self):
        before = Image.MAX_IMAGE_PIXELS

        inspect(make_file())

        assert before == Image.MAX_IMAGE_PIXELS


class TestDecode:
    @pytest.mark.parametrize(
        ("image_format", "mode", "colour", "expected"),
        [
            ("JPEG", "RGB", RED, RED),
            ("JPEG", "L", 200, (200, 200, 200)),
            ("JPEG", "CMYK", (0, 255, 255, 0), RED),
            ("PNG", "1", 1, WHITE),
            ("PNG", "P", 0, (0, 0, 0)),
            ("PNG", "I;16", 128 * 256, (128, 128, 128)),
            ("PNG", "LA", (200, 100), (200, 200, 200, 100)),
            ("PNG", "RGBA", (*BLUE, 100), (*BLUE, 100)),
            ("WEBP", "RGB", GREEN, GREEN),
        ],
    )
    def test_gives_plain_colours_whatever_was_stored(self, image_format, mode, colour, expected):
        image = decode(make_file(image_format, mode=mode, colour=colour, size=(16, 16)))

        assert image.mode == ("RGBA" if len(expected) == 4 else "RGB")
        assert is_close(image.getpixel((8, 8)), expected)

    def test_keeps_the_transparency_of_a_palette(self):
        palette = Image.new("P", (16, 16), 0)
        palette.putpalette([*RED, *BLUE])
        palette.paste(1, (8, 0, 16, 16))

        image = decode(make_file("PNG", image=palette, transparency=0))

        assert image.getpixel((0, 0))[3] == 0
        assert image.getpixel((12, 0)) == (*BLUE, 255)

    def test_reads_sixteen_bit_colours(self):
        rows = b"".join(b"\0" + struct.pack(">3H", 0x8000, 0x4000, 0xFFFF) * 4 for _ in range(4))

        image = decode(make_png(4, 4, depth=16, rows=rows))

        assert is_close(image.getpixel((0, 0)), (128, 64, 255), tolerance=1)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_turns_the_image_upright(self, orientation):
        upright = Image.new("RGB", (48, 32), "white")
        upright.paste(RED, (0, 0, 16, 16))
        stored = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270,
        }
        turn = stored.get(orientation)
        sideways = upright.transpose(turn) if turn is not None else upright

        image = decode(make_file("PNG", image=sideways, exif=make_exif(Orientation=orientation)))

        assert image.size == (48, 32)
        assert image.getpixel((8, 8)) == RED
        assert image.getpixel((40, 24)) == WHITE

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
    def test_ignores_a_broken_orientation(self):
        broken = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"

        assert decode(make_file("JPEG", size=(30, 20), exif=broken)).size == (30, 20)

    @pytest.mark.parametrize(("mode", "colour"), [("RGB", RED), ("RGBA", (*RED, 90))])
    def test_applies_the_colour_profile(self, mode, colour):
        data = make_file("PNG", mode=mode, colour=colour, icc_profile=make_red_is_green_profile())

        image = decode(data)

        assert is_close(image.getpixel((8, 8)), (*GREEN, *colour[3:]))

    @pytest.mark.parametrize("profile", [b"no profile at all", make_red_is_green_profile()])
    def test_shows_the_image_where_the_profile_does_not_fit(self, profile):
        data = make_file("JPEG", mode="L", colour=200, icc_profile=profile)

        assert is_close(decode(data).getpixel((8, 8)), (200, 200, 200))

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_leaves_all_metadata_behind(self, image_format):
        data = make_file(image_format, exif=make_exif(Software="a camera"), xmp=b"<x/>")

        assert decode(data).info == {}

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_can_give_a_smaller_image(self, image_format):
        data = make_file(image_format, size=(900, 600), colour=RED)

        image = decode(data, max_side=90)

        assert image.size == (90, 60)
        assert is_close(image.getpixel((45, 30)), RED)


class TestFit:
    def test_keeps_the_shape(self):
        assert fit(Image.new("RGB", (2048, 1024)), 640).size == (640, 320)

    def test_never_enlarges(self):
        small = Image.new("RGB", (40, 30))

        assert fit(small, 640) is small

    def test_leaves_a_pixel_of_the_thinnest_line(self):
        assert fit(Image.new("RGB", (5000, 1)), 100).size == (100, 1)


class TestGlance:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_says_what_the_header_claims_and_decodes_nothing(self, image_format, monkeypatch):
        data = make_file(image_format, size=(30, 20), exif=make_exif(Orientation=6))
        monkeypatch.setattr(Image, "open", None)

        assert glance(data) == ImageFacts(image_format, 30, 20)

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (claim_size(make_file("PNG"), 50_000, 50_000), ImageTooLarge),
            (make_file("PNG")[:-20], TruncatedImage),
            (b"hello", NotAnImage),
            (make_animation("WEBP"), UnusableImage),
            (make_scan_bomb(200), NotAnImage),
        ],
    )
    def test_refuses_what_shows(self, data, error):
        with pytest.raises(error):
            glance(data)


@pytest.mark.parametrize("work", [inspect, decode, clean_reference])
def test_pixels_are_made_by_one_thread_at_a_time(work, monkeypatch):
    taken = []
    load = ImageFile.ImageFile.load

    def load_and_look(image):
        with ThreadPoolExecutor(1) as another:
            taken.append(another.submit(one_at_a_time.acquire, blocking=False).result())
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load_and_look)
    data = make_file("JPEG")
    work(data)

    assert taken
    assert not any(taken)
