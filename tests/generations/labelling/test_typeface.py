import io

from fontTools.ttLib import TTFont

from generations.labelling.badge import typeface


def test_the_glyph_list_and_the_font_say_the_same():
    drawn = TTFont(io.BytesIO(typeface._FONT_FILE)).getBestCmap()

    assert {chr(code) for code in drawn} == typeface.GLYPHS


def test_capitals_are_as_high_as_asked():
    for capitals in (12, 20, 61, 103):
        _, top, _, bottom = typeface.font(capitals).getbbox("AI", anchor="ls")

        assert capitals <= bottom - top <= capitals + 1
