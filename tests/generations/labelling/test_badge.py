import dataclasses

import pytest
from PIL import Image, ImageChops

from generations.labelling import BILINGUAL, CHINESE, ENGLISH, GB_45438, Badge
from generations.labelling.badge.contrast import white_on
from generations.labelling.badge.drawing import put
from generations.labelling.badge.icon import Icon
from generations.labelling.badge.presets import PRESETS as BY_NAME
from generations.labelling.sources import Source
from tests.generations.imaging.images import make_file, make_noise
from tests.generations.labelling.one import capitals, draw

PRESETS = [ENGLISH, CHINESE, BILINGUAL, GB_45438, Badge(icon=Icon())]
CORNERS = ["top-left", "top-right", "bottom-left", "bottom-right"]


def plate_box(image: Image.Image, badge: Badge) -> tuple[int, int, int, int]:
    """The box of the pixels that drawing the badge changed."""
    box = ImageChops.difference(image, draw(image, badge)).getbbox()
    assert box is not None
    return box


def ink(image: Image.Image) -> Image.Image:
    """White for each pixel that is at least half as bright as white, else black."""
    return image.convert("L").point(lambda level: 255 if level >= 128 else 0)


def first_letter_height(image: Image.Image) -> int:
    """The height of the first letter, an A in all presets, in fully covered rows."""
    letters = ink(image).crop(ink(image).getbbox())
    columns = [letters.crop((x, 0, x + 1, letters.height)).getbbox() for x in range(letters.width)]
    letter = letters.crop((0, 0, columns.index(None), letters.height))
    _, top, _, bottom = letter.getbbox()
    return bottom - top


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """WCAG 2.2, contrast ratio."""

    def luminance(colour):
        parts = [v / 255 for v in colour[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class TestSize:
    @pytest.mark.parametrize("badge", [ENGLISH, CHINESE, GB_45438, Badge(size=0.04)])
    @pytest.mark.parametrize("size", [(2048, 2048), (1440, 2560), (1600, 900), (640, 640)])
    def test_letters_are_as_high_as_promised(self, badge, size):
        labelled = draw(Image.new("RGB", size), badge)

        assert first_letter_height(labelled) >= badge.size * min(size)

    def test_the_chinese_preset_keeps_the_chinese_standard(self):
        assert GB_45438.size >= 0.05
        assert "AI" in GB_45438.text
        assert "生成" in GB_45438.text

    def test_small_images_get_readable_letters(self):
        labelled = draw(Image.new("RGB", (320, 240)), ENGLISH)

        assert first_letter_height(labelled) >= 12

    def test_two_lines_are_as_high_as_one_each(self):
        one = plate_box(Image.new("RGB", (1000, 1000), "white"), ENGLISH)
        two = plate_box(Image.new("RGB", (1000, 1000), "white"), BILINGUAL)

        assert two[2] - two[0] == one[2] - one[0]
        assert 1.4 < (two[3] - two[1]) / (one[3] - one[1]) < 2

    @pytest.mark.parametrize(
        ("size", "high"),
        [((2048, 2048), 52), ((1536, 3072), 39), ((640, 640), 16), ((640, 213), 12), ((96, 64), 8)],
    )
    def test_letters_have_the_height_that_capitals_returns(self, size, high):
        width, height = size
        drawn = first_letter_height(draw(Image.new("RGB", size), ENGLISH))

        assert capitals(ENGLISH, width=width, height=height) == high
        assert high <= drawn <= high + 1  # the edges of letters are soft

    def test_rotated_letters_are_as_high_as_upright_ones(self):
        assert capitals(ENGLISH, width=40, height=640) == capitals(ENGLISH, width=640, height=40)

    def test_it_stays_small(self):
        left, top, right, bottom = plate_box(Image.new("RGB", (2048, 2048), "white"), ENGLISH)

        assert (right - left) * (bottom - top) < 0.02 * 2048 * 2048


class TestPlace:
    @pytest.mark.parametrize("corner", CORNERS)
    @pytest.mark.parametrize("badge", PRESETS)
    def test_it_lies_in_its_corner_off_the_edge(self, corner, badge):
        image = Image.new("RGB", (1000, 800), "white")

        left, top, right, bottom = plate_box(image, dataclasses.replace(badge, corner=corner))

        margin = 24  # 3 % of the shortest side
        assert (top if "top" in corner else image.height - bottom) == margin
        assert (left if "left" in corner else image.width - right) == margin

    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    def test_the_rest_of_the_image_is_untouched(self, mode):
        image = make_noise((400, 300)).convert(mode)
        box = plate_box(Image.new("RGB", image.size, "white"), ENGLISH)

        labelled = draw(image, ENGLISH)

        assert labelled.tobytes() != image.tobytes()
        labelled.paste(image.crop(box), box)
        assert labelled.tobytes() == image.tobytes()
        assert labelled.mode == mode

    def test_the_image_given_is_not_changed(self):
        image = Image.new("RGB", (400, 300), "white")

        draw(image, ENGLISH)

        assert image.getextrema() == ((255, 255),) * 3


class TestLegibility:
    @pytest.mark.parametrize("colour", ["white", "black", "#808080", "yellow"])
    def test_letters_stand_out_on_any_image(self, colour):
        image = Image.new("RGB", (1000, 1000), colour)
        left, top, right, bottom = plate_box(Image.new("RGB", image.size, "white"), ENGLISH)

        labelled = draw(image, ENGLISH).crop((left, top, right, bottom))

        plate = labelled.getpixel((labelled.width // 2, 2))
        assert labelled.getextrema() == ((plate[0], 255), (plate[1], 255), (plate[2], 255))
        assert contrast((255, 255, 255), plate) >= 7

    def test_letters_stand_out_on_a_busy_image(self):
        image = make_noise((500, 400))
        box = plate_box(Image.new("RGB", image.size, "white"), ENGLISH)

        plate = draw(image, ENGLISH).crop(box)

        top_rows = plate.crop((10, 1, plate.width - 10, 6))
        brightest = tuple(high for _, high in top_rows.getextrema())
        assert contrast((255, 255, 255), brightest) >= 4.5

    def test_the_badge_is_readable_on_a_transparent_image(self):
        labelled = draw(Image.new("RGBA", (500, 500), (255, 255, 255, 0)), ENGLISH)

        on_white = Image.alpha_composite(Image.new("RGBA", labelled.size, "white"), labelled)
        assert on_white.convert("L").getextrema()[0] < 100


GROUNDS = ["white", "black", "#808080", "red", "lime", "blue", "yellow", "cyan", "magenta"]


class TestContrast:
    """The letters always stand out at 4.5 to 1 (WCAG 2.2, 1.4.3), measured in the pixels."""

    @pytest.mark.parametrize("badge", PRESETS)
    @pytest.mark.parametrize("ground", GROUNDS)
    def test_on_a_plain_ground(self, ground, badge):
        labelled = put(badge, Image.new("RGB", (400, 400), ground))

        assert labelled.contrast >= 4.5

    @pytest.mark.parametrize("badge", PRESETS)
    def test_on_every_grey(self, badge):
        for level in range(0, 256, 5):
            labelled = put(badge, Image.new("RGB", (160, 160), (level, level, level)))

            assert labelled.contrast >= 4.5, level

    @pytest.mark.parametrize("corner", CORNERS)
    def test_on_a_busy_ground(self, corner):
        image = make_noise((300, 300))

        assert put(Badge(corner=corner), image).contrast >= 4.5

    @pytest.mark.parametrize("size", [(1, 1), (3, 2), (16, 16), (1, 300), (300, 1), (24, 24)])
    def test_on_an_icon(self, size):
        assert put(BILINGUAL, Image.new("RGB", size, "white")).contrast >= 4.5

    def test_where_the_image_is_transparent(self):
        assert put(ENGLISH, Image.new("RGBA", (300, 300), (0, 0, 0, 0))).contrast >= 4.5

    def test_is_higher_on_darker_pixels(self):
        on_white, on_black = (put(ENGLISH, Image.new("RGB", (400, 400), c)) for c in GROUNDS[:2])

        assert on_white.contrast == pytest.approx(7, abs=0.1)
        assert on_black.contrast == 21

    @pytest.mark.parametrize(
        "colour", ["white", "black", "#777777", "#ff0000", "#00ff00", "#595959"]
    )
    def test_is_measured_as_the_standard_says(self, colour):
        image = Image.new("RGBA", (4, 4), colour)

        assert white_on(image) == pytest.approx(
            contrast((255, 255, 255), image.getpixel((0, 0))), rel=0.03
        )

    def test_the_brightest_pixel_counts(self):
        image = Image.new("RGBA", (9, 9), "black")
        image.putpixel((4, 4), (255, 255, 255, 255))

        assert white_on(image) == 1
        assert white_on(image, (0, 0, 4, 4)) == 21


class TestStories:
    @pytest.mark.parametrize("corner", CORNERS)
    @pytest.mark.parametrize("size", [(1080, 1920), (1440, 2560), (540, 1200)])
    def test_a_story_shows_the_badge_between_what_covers_it(self, corner, size):
        badge = Badge(corner=corner, clear_of_stories=True)

        _, top, _, bottom = plate_box(Image.new("RGB", size, "white"), badge)

        assert top >= 0.14 * size[1]
        assert bottom <= 0.82 * size[1]

    @pytest.mark.parametrize("size", [(1000, 1000), (1080, 1350), (1920, 1080)])
    def test_other_shapes_are_labelled_as_ever(self, size):
        image = Image.new("RGB", size, "white")

        assert draw(image, Badge(clear_of_stories=True)) == draw(image, Badge())

    @pytest.mark.parametrize("size", [(100, 1600), (30, 400), (64, 128), (3, 20)])
    def test_a_narrow_one_has_it_inside_too(self, size):
        badge = Badge(clear_of_stories=True)

        left, top, right, bottom = plate_box(Image.new("RGB", size, "white"), badge)

        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]


class TestIcon:
    def test_stands_before_the_text_in_a_wider_plate(self):
        image = Image.new("RGB", (1000, 1000))
        plain, iconed = ink(draw(image, ENGLISH)), ink(draw(image, Badge(icon=Icon())))

        assert iconed.getbbox()[0] < plain.getbbox()[0]
        assert iconed.getbbox()[2] == plain.getbbox()[2]

    def test_a_file_takes_the_place_of_the_drawn_one(self):
        icon = Icon(make_file("PNG", mode="RGBA", size=(60, 30), colour=(255, 0, 0, 255)))

        labelled = draw(Image.new("RGB", (1000, 1000)), Badge(icon=icon))

        reds = labelled.getchannel("R").point(lambda v: 255 if v > 200 else 0)
        greens = labelled.getchannel("G").point(lambda v: 255 if v > 200 else 0)
        left, top, right, bottom = ImageChops.subtract(reds, greens).getbbox()
        assert (right - left) / (bottom - top) == pytest.approx(2, rel=0.05)

    @pytest.mark.parametrize(
        "file",
        [
            b"no png",
            make_file("JPEG"),
            make_file("PNG")[:60],
            make_file("PNG", size=(900, 20)),
            make_file("PNG", size=(2001, 2001)),
            b"x" * 1_000_001,
        ],
        ids=["text", "jpeg", "cut", "long", "large", "heavy"],
    )
    def test_a_file_that_can_not_be_used_is_refused(self, file):
        with pytest.raises(ValueError, match="icon"):
            Icon(file)

    def test_is_named_by_its_file(self):
        assert Icon().name == "drawn"
        assert Icon(make_file("PNG")).name == Icon(make_file("PNG")).name != "drawn"


@pytest.mark.parametrize("preset", BY_NAME.values(), ids=BY_NAME)
class TestPresets:
    @pytest.mark.parametrize("source", Source)
    @pytest.mark.parametrize("size", [0.02, 0.025, 0.05, 0.07])
    def test_each_fits_at_each_size(self, preset, source, size):
        for corner in CORNERS:
            badge = preset.badge(source, corner=corner, size=size, clear_of_stories=True)
            assert badge.text == preset.words(source)

    def test_a_picture_made_from_a_photograph_is_called_modified(self, preset):
        words = {preset.words(source) for source in (Source.COMPOSITE, Source.ENHANCED)}

        assert words == {preset.modified} != {preset.generated}


@pytest.mark.parametrize("name", ["chinese", "bilingual"])
def test_the_chinese_words_are_those_of_the_standard(name):
    for source in Source:
        words = BY_NAME[name].words(source)
        assert "AI" in words
        assert "生成" in words or "合成" in words


class TestOddImages:
    @pytest.mark.parametrize("badge", PRESETS)
    @pytest.mark.parametrize(
        "size", [(64, 64), (1600, 100), (640, 40), (100, 1600), (40, 640), (3200, 200)]
    )
    def test_the_whole_badge_is_inside(self, badge, size):
        image = Image.new("RGB", size, "white")

        left, top, right, bottom = plate_box(image, badge)

        assert 0 <= left < right <= image.width
        assert 0 <= top < bottom <= image.height
        assert ink(draw(Image.new("RGB", size), badge)).getbbox() is not None

    def test_a_narrow_image_is_labelled_along_its_side(self):
        left, top, right, bottom = plate_box(Image.new("RGB", (40, 640), "white"), ENGLISH)

        assert bottom - top > 2 * (right - left)
        assert right - left >= 12

    def test_a_square_icon_still_has_letters(self):
        labelled = draw(Image.new("RGB", (64, 64)), ENGLISH)

        assert first_letter_height(labelled) >= 5

    @pytest.mark.parametrize("size", [(1, 1), (3, 2), (16, 16), (1, 300), (300, 1)])
    def test_no_image_is_too_small(self, size):
        labelled = draw(Image.new("RGB", size, "white"), BILINGUAL)

        assert labelled.size == size
        assert labelled.convert("L").getextrema()[0] < 200


class TestRefused:
    @pytest.mark.parametrize("text", ["AI génération", "AI-generated ✨", "ＡＩ"])
    def test_a_character_without_a_glyph(self, text):
        with pytest.raises(ValueError, match="no glyph"):
            Badge(text=text)

    @pytest.mark.parametrize("text", ["", " ", "AI\n", "one\ntwo\nthree"])
    def test_other_than_one_or_two_lines(self, text):
        with pytest.raises(ValueError, match="one or two lines"):
            Badge(text=text)

    @pytest.mark.parametrize("size", [0, 0.01, 0.2, 5])
    def test_a_size_that_is_too_small_or_too_large(self, size):
        with pytest.raises(ValueError, match="choose a badge size"):
            Badge(size=size)

    def test_a_text_too_long_to_keep_the_promise(self):
        with pytest.raises(ValueError, match="too long"):
            Badge(text="This image was generated with artificial intelligence", size=0.05)

    def test_an_unknown_corner(self):
        with pytest.raises(ValueError, match="not one of top-left"):
            Badge(corner="middle")
