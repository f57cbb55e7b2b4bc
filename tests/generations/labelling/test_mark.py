"""The imperceptible mark. tests/bench/marks.py measures it on many pictures."""

import numpy as np
import pytest
from PIL import Image

from generations.labelling import mark
from tests.bench import marks, pictures

KEY, OTHER = mark.Marker(bytes(range(32)), 1), mark.Marker(bytes(32), 2)
NUMBER = 987_654_321_012
PHOTO, FLAT = 1, 4


@pytest.fixture(scope="module", params=[PHOTO, FLAT], ids=["photo", "flat"])
def picture(request):
    return pictures.make(request.param, 1024)


@pytest.fixture(scope="module")
def marked(picture):
    return KEY.with_number(NUMBER).embed(picture)


@pytest.mark.parametrize("change", marks.CHANGES.values(), ids=marks.CHANGES.keys())
def test_the_number_is_read_after_what_usually_happens_to_a_picture(marked, change):
    found = mark.read(change(marked), [KEY])
    assert found.number == NUMBER
    assert found.confidence > 0.6


def test_a_page_that_is_half_text_is_read_after_strong_compression():
    marked = KEY.with_number(NUMBER).embed(pictures.make(235, 1024, kind="poster"))
    assert mark.read(marks.encoded(marked, "WEBP", 50), [KEY]).number == NUMBER


def test_a_mark_is_not_seen(picture, marked):
    assert marks.psnr(picture, marked) >= marks.LEAST_PSNR


def test_a_plain_ground_changes_by_few_grey_levels():
    plain = Image.new("RGB", (800, 800), (128, 128, 128))
    changes = np.abs(np.asarray(KEY.with_number(1).embed(plain), int) - 128)
    assert changes.max() <= 3
    assert (changes > 1).mean() < 0.1


def test_without_the_key_nothing_is_read(marked):
    assert mark.read(marked, [OTHER]) is None
    assert mark.read(marked, []) is None


def test_the_key_that_was_used_is_found_among_several(marked):
    assert mark.read(marked, [OTHER, KEY]).key_number == 1


def test_nothing_is_read_from_an_unmarked_picture(picture):
    assert mark.read(picture, [KEY]) is None


def test_the_same_picture_number_and_key_give_the_same_pixels(picture, marked):
    assert KEY.with_number(NUMBER).embed(picture).tobytes() == marked.tobytes()


def test_the_picture_itself_stays_as_it_is():
    picture = pictures.make(PHOTO, 400)
    before = picture.tobytes()
    KEY.with_number(1).embed(picture)
    assert picture.tobytes() == before


def test_a_transparent_picture_keeps_its_transparency():
    picture = pictures.make(PHOTO, 640)
    alpha = Image.linear_gradient("L").resize(picture.size)
    picture.putalpha(alpha)
    marked = KEY.with_number(5).embed(picture)
    assert marked.mode == "RGBA"
    assert marked.getchannel("A").tobytes() == alpha.tobytes()
    assert mark.read(marked, [KEY]).number == 5


@pytest.mark.parametrize("number", [0, 1, mark.LARGEST_NUMBER])
def test_numbers_to_the_largest_are_carried(number):
    marked = KEY.with_number(number).embed(pictures.make(2, 640))
    assert mark.read(marked, [KEY]).number == number


@pytest.mark.parametrize("number", [-1, mark.LARGEST_NUMBER + 1])
def test_a_number_that_does_not_fit_is_refused(number):
    with pytest.raises(ValueError, match="numbers from 0 to"):
        KEY.with_number(number)


def test_a_key_has_32_bytes_and_is_not_shown():
    with pytest.raises(ValueError, match="32 bytes"):
        mark.Marker(b"short", 1)
    assert repr(KEY.with_number(3)) == "NumberMark(marker=Marker(key_number=1), number=3)"


@pytest.mark.parametrize("size", [(199, 1000), (801, 200), (1, 1), (16000, 300)])
def test_a_picture_too_small_or_too_narrow_gets_no_mark(size):
    assert KEY.with_number(1).embed(Image.new("RGB", size)) is None


def test_the_narrowest_picture_carries_a_mark():
    marked = KEY.with_number(7).embed(pictures.make(2, 800, size=(800, 200)))
    assert mark.read(marked, [KEY]).number == 7


def test_a_picture_of_pure_noise_gets_no_mark():
    noise = np.random.default_rng(1).integers(0, 2, (92, 368, 3), np.uint8) * 255
    picture = Image.fromarray(noise).resize((1472, 368), Image.Resampling.NEAREST)
    assert KEY.with_number(1).embed(picture) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (40, 17)])
@pytest.mark.parametrize("mode", ["RGB", "1", "P", "CMYK", "I;16", "LA", "F"])
def test_reading_any_picture_ends(size, mode):
    assert mark.read(Image.new(mode, size), [KEY]) is None


def test_a_large_picture_is_read_after_it_is_made_smaller():
    marked = KEY.with_number(11).embed(pictures.make(2, 900, size=(900, 900)))
    assert mark.read(marked.resize((4500, 4500)), [KEY]).number == 11


def test_what_a_mark_does_not_survive_is_not_read_as_another_number():
    marked = KEY.with_number(11).embed(pictures.make(2, 640))
    for change in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90):
        assert mark.read(marked.transpose(change), [KEY]) is None
