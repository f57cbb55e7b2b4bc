import dataclasses
import hashlib
import logging
import random
from datetime import datetime

import pytest
from PIL import PngImagePlugin

from generations.imaging import UnusableImage, inspect
from generations.imaging.containers import chunks
from generations.labelling import (
    BILINGUAL,
    ENGLISH,
    FULL,
    LABEL_VERSION,
    PREVIEW,
    RECIPES,
    SCREEN,
    LabelFacts,
    LabelFailed,
    Labels,
    Original,
    Recipe,
    Signed,
    Source,
    label,
    read_xmp,
)
from generations.labelling.badge.contrast import white_on
from generations.labelling.metadata import aigc, xmp
from generations.labelling.metadata.splice import insert_xmp
from tests.generations.imaging.images import (
    FORMATS,
    RED,
    claim_size,
    is_close,
    make_exif,
    make_file,
    make_noise,
    make_png,
    png_chunk,
    read,
)
from tests.generations.labelling.one import label_one
from tests.generations.labelling.packets import DOCUMENT, make_mark, make_packet

# All parts that a labelled file may contain: pixels and one packet.
ALLOWED_CHUNKS = {
    "JPEG": {b"\xe0", b"\xe1", b"\xdb", b"\xc0", b"\xc4", b"\xda", b"\xd9"},
    "PNG": {b"IHDR", b"iTXt", b"IDAT", b"IEND"},
    "WEBP": {b"VP8X", b"VP8 ", b"ALPH", b"XMP "},
}


def one_mark(data: bytes) -> dict[str, str]:
    (mark,) = xmp.values(xmp.parse(read_xmp(data)), "TC260:AIGC")
    return aigc.parse(mark)


def without_packet(data: bytes) -> bytes:
    kept = [data[chunk.start : chunk.end] for chunk in chunks(data) if chunk.kind != b"iTXt"]
    return data[:8] + b"".join(kept)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("image_format", FORMATS)
class TestEveryFormat:
    def test_has_a_visible_and_a_machine_readable_label(self, facts, image_format, recipe):
        original = make_file(image_format, size=(1920, 1280), colour="white")

        labelled = label_one(original, facts=facts, recipe=recipe, badge=ENGLISH)

        root = xmp.parse(read_xmp(labelled.data))
        (source,) = xmp.values(root, "Iptc4xmpExt:DigitalSourceType")
        assert source.endswith("/trainedAlgorithmicMedia")
        assert xmp.values(root, "Iptc4xmpExt:DigImageGUID") == [facts.image_id]
        assert one_mark(labelled.data)["ProduceID"] == facts.image_id
        assert labelled.data.count(b"<TC260:AIGC>") == 1
        darkest, brightest = read(labelled.data).convert("L").getextrema()
        assert darkest < 100
        assert brightest > 250

    def test_is_what_it_says_it_is(self, facts, image_format, recipe):
        labelled = label_one(
            make_file(image_format, size=(1920, 1280)), facts=facts, recipe=recipe, badge=ENGLISH
        )

        seen = inspect(labelled.data)
        assert (seen.format, seen.width, seen.height) == (
            labelled.format,
            labelled.width,
            labelled.height,
        )
        assert labelled.format == (recipe.format or image_format)
        assert max(labelled.width, labelled.height) == min(recipe.max_side or 1920, 1920)
        assert labelled.sha256 == hashlib.sha256(labelled.data).hexdigest()
        assert labelled.label_version == LABEL_VERSION

    def test_comes_out_the_same_every_time(self, facts, image_format, recipe):
        original = make_file(image_format, size=(300, 200))

        once, again = (
            label_one(original, facts=facts, recipe=recipe, badge=BILINGUAL) for _ in range(2)
        )

        assert once == again

    def test_contains_only_pixels_and_one_packet(self, facts, image_format, recipe):
        text = PngImagePlugin.PngInfo()
        text.add_text("parameters", "a secret prompt")
        text.add_itxt("prompt", "a secret prompt", zip=True)
        original = make_file(
            image_format,
            exif=make_exif(ImageDescription="a secret prompt"),
            comment="a secret prompt",
            pnginfo=text,
        )
        original = insert_xmp(
            original, make_packet("<dc:description>a secret prompt</dc:description>")
        )

        labelled = label_one(original, facts=facts, recipe=recipe, badge=ENGLISH)

        assert b"secret" in original
        assert b"secret" not in labelled.data
        kinds = [chunk.kind for chunk in chunks(labelled.data)]
        assert set(kinds) <= ALLOWED_CHUNKS[labelled.format]
        assert sum(kind in (b"\xe1", b"iTXt", b"XMP ") for kind in kinds) == 1
        assert read(labelled.data).getexif() == {}

    def test_keeps_what_upstream_marked(self, facts, image_format, recipe):
        upstream = make_packet(
            f"<TC260:AIGC>{make_mark()}</TC260:AIGC><dc:source>{DOCUMENT}</dc:source>"
        )
        original = insert_xmp(make_file(image_format), upstream)

        labelled = label_one(original, facts=facts, recipe=recipe, badge=ENGLISH)

        mark = one_mark(labelled.data)
        assert (mark["ContentProducer"], mark["ContentPropagator"]) == (
            "upstream-studio",
            "example-ltd",
        )
        assert xmp.values(xmp.parse(read_xmp(labelled.data)), "dc:source") == [DOCUMENT]


class TestRecipes:
    def test_small_originals_are_not_enlarged(self, facts):
        original = make_file("PNG", size=(300, 200))

        assert [
            label_one(original, facts=facts, recipe=recipe, badge=ENGLISH).width
            for recipe in RECIPES
        ] == [300, 300, 300]

    def test_each_rendition_has_a_badge_of_its_own_size(self, facts):
        """The badge is drawn after fitting, so that it is not shrunk with the image."""
        original = make_file("PNG", size=(2048, 2048), colour="white")

        preview = label_one(original, facts=facts, recipe=PREVIEW, badge=ENGLISH)

        dark = read(preview.data).convert("L").point(lambda level: 255 if level < 128 else 0)
        _, top, _, bottom = dark.getbbox()
        assert bottom - top >= 2 * ENGLISH.size * 640

    def test_quality_can_be_chosen(self, facts):
        original = make_file("JPEG", image=make_noise((200, 200)), quality=95)

        small, large = (
            label_one(original, facts=facts, recipe=Recipe("x", None, "JPEG", q), badge=ENGLISH)
            for q in (40, 90)
        )

        assert len(small.data) < len(large.data)

    def test_an_unknown_format_is_refused(self):
        with pytest.raises(ValueError, match="GIF is not one of"):
            Recipe("x", None, "GIF")


class TestOddOriginals:
    @pytest.mark.parametrize(
        ("mode", "colour", "image_format"),
        [
            ("CMYK", (0, 255, 255, 0), "JPEG"),
            ("L", 120, "JPEG"),
            ("P", 0, "PNG"),
            ("I;16", 30_000, "PNG"),
            ("LA", (120, 90), "PNG"),
            ("RGBA", (200, 30, 30, 90), "PNG"),
            ("RGBA", (200, 30, 30, 90), "WEBP"),
        ],
    )
    def test_colours_of_any_kind(self, facts, mode, colour, image_format):
        original = make_file(image_format, mode=mode, colour=colour)

        labelled = label_one(original, facts=facts, recipe=FULL, badge=ENGLISH)

        assert labelled.format == image_format

    def test_transparency_is_kept(self, facts):
        original = make_file("PNG", mode="RGBA", colour=(200, 30, 30, 90))

        for recipe in RECIPES:
            image = read(label_one(original, facts=facts, recipe=recipe, badge=ENGLISH).data)
            assert is_close(image.getpixel((5, 5)), (200, 30, 30, 90))

    def test_the_badge_is_upright_on_a_turned_image(self, facts):
        original = make_file("JPEG", size=(400, 300), colour=RED, exif=make_exif(Orientation=6))

        labelled = label_one(original, facts=facts, recipe=FULL, badge=ENGLISH)

        assert (labelled.width, labelled.height) == (300, 400)
        corner = read(labelled.data).crop((150, 350, 300, 400)).convert("L")
        assert corner.getextrema()[1] > 240

    @pytest.mark.parametrize("size", [(64, 64), (1600, 100), (100, 1600), (1, 1)])
    def test_sizes_of_any_kind(self, facts, size):
        for recipe in RECIPES:
            labelled = label_one(make_file(size=size), facts=facts, recipe=recipe, badge=ENGLISH)
            assert (labelled.width, labelled.height) == read(labelled.data).size

    def test_a_mark_in_a_text_field_moves_into_the_packet(self, facts):
        data = make_file("PNG")
        marked = data[:33] + png_chunk(b"tEXt", b"AIGC\0" + make_mark().encode()) + data[33:]

        labelled = label_one(marked, facts=facts, recipe=FULL, badge=ENGLISH)

        assert one_mark(labelled.data)["ContentProducer"] == "upstream-studio"
        assert aigc.find_outside_xmp(labelled.data) is None

    @pytest.mark.parametrize(
        "packet", [b"no xml at all", make_packet(before="<!DOCTYPE x []>"), b" " * 60_000]
    )
    def test_an_unreadable_packet_costs_its_marks_and_is_noted(self, facts, packet, caplog):
        original = insert_xmp(make_file("JPEG"), packet)

        with caplog.at_level(logging.WARNING):
            labelled = label_one(original, facts=facts, recipe=FULL, badge=ENGLISH)

        assert one_mark(labelled.data)["ContentProducer"] == "example-ltd"
        assert "XMP packet of an original left behind" in caplog.text


class TestFailsClosed:
    @pytest.mark.parametrize(
        "original",
        [
            b"",
            b"<svg/>",
            make_file("GIF"),
            make_file("JPEG")[:-20],
            claim_size(make_file("PNG"), 60_000, 60_000),
            make_png(64, 64),
        ],
        ids=["nothing", "svg", "gif", "cut", "bomb", "no pixels"],
    )
    def test_what_can_not_be_decoded(self, facts, original):
        with pytest.raises(UnusableImage):
            label_one(original, facts=facts, recipe=FULL, badge=ENGLISH)

    @pytest.mark.parametrize(
        ("spoil", "complaint"),
        [
            (lambda data, facts: without_packet(data), "packet is missing"),
            (lambda data, facts: data[:-20], "ends before"),
            (lambda data, facts: insert_xmp(data, make_packet()), "DigitalSourceType"),
            (lambda data, facts: insert_xmp(data, b"no xml"), "ParseError"),
            (
                lambda data, facts: insert_xmp(
                    data, read_xmp(data).replace(b"2026-08", b"2025-08")
                ),
                "DateCreated",
            ),
            (
                lambda data, facts: insert_xmp(
                    data, read_xmp(data).replace(b'"Label":"1"', b'"Label":"3"')
                ),
                "breaks the standard",
            ),
            (
                lambda data, facts: insert_xmp(
                    data, read_xmp(data).replace(facts.image_id.encode(), b"another")
                ),
                "DigImageGUID",
            ),
            (
                lambda data, facts: insert_xmp(
                    data, read_xmp(data).replace(b"TC260:AIGC>", b"TC260:Other>")
                ),
                "exactly one AIGC",
            ),
            (
                lambda data, facts: insert_xmp(
                    data,
                    read_xmp(data).replace(
                        b"</rdf:Description>", b"<TC260:AIGC>{}</TC260:AIGC></rdf:Description>"
                    ),
                ),
                "exactly one AIGC",
            ),
            (
                lambda data, facts: (
                    data[:33] + png_chunk(b"tEXt", b"AIGC\0" + make_mark().encode()) + data[33:]
                ),
                "exactly one AIGC",
            ),
            (
                lambda data, facts: insert_xmp(
                    data, read_xmp(data).replace(b'"PropagateID":"', b'"PropagateID":"x')
                ),
                "does not name the image",
            ),
        ],
    )
    def test_a_file_that_reads_back_wrong(self, facts, spoil, complaint):
        class Spoiling:
            def sign(self, data, facts, original, **more):
                return Signed(spoil(data, facts))

        labels = Labels(ENGLISH, signer=Spoiling())
        original = Original(make_file("PNG"))

        with pytest.raises(LabelFailed, match=f"full of image {facts.image_id}: .*{complaint}"):
            label(original, facts=facts, recipes=[FULL], labels=labels)

    def test_a_packet_that_does_not_fit(self, facts):
        endless = dataclasses.replace(facts, credit="x" * 70_000)

        with pytest.raises(LabelFailed, match="does not fit"):
            label_one(make_file("JPEG"), facts=endless, recipe=FULL, badge=ENGLISH)

    def test_an_image_too_long_for_its_format(self, facts):
        recipe = Recipe("x", None, "WEBP")

        with pytest.raises(LabelFailed):
            label_one(
                make_file("PNG", size=(16_400, 20)), facts=facts, recipe=recipe, badge=ENGLISH
            )


class TestFacts:
    def test_there_is_no_field_for_a_prompt(self):
        names = {field.name for field in dataclasses.fields(LabelFacts)}

        assert names == {
            "image_id",
            "system",
            "system_version",
            "credit",
            "producer",
            "producer_name",
            "made_at",
            "source",
            "tool",
            "tool_version",
            "mining",
            "references",
        }

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [({"made_at": datetime(2026, 8, 2)}, "zone"), ({"mining": "maybe"}, "not one of")],
    )
    def test_a_time_has_a_zone_and_the_mining_policy_a_known_word(self, facts, change, complaint):
        with pytest.raises(ValueError, match=complaint):
            dataclasses.replace(facts, **change)

    @pytest.mark.parametrize("image_id", ["", "7", "0192F0C1-7B94-7B92-92FD-4D16A9A4E9E9"])
    def test_an_image_id_is_a_uuid_in_its_usual_form(self, facts, image_id):
        with pytest.raises(ValueError, match=r"UUID|hyphens"):
            dataclasses.replace(facts, image_id=image_id)

    @pytest.mark.parametrize("producer", ["", "two words", 'quo"te', "back\\slash", "公司", "a\n"])
    def test_a_producer_is_written_in_the_characters_of_annex_e(self, facts, producer):
        with pytest.raises(ValueError, match="visible ASCII"):
            dataclasses.replace(facts, producer=producer)


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "screen", "preview"),
        [
            ((300, 200), (300, 200), (300, 200)),
            ((2048, 512), (2048, 512), (640, 160)),
            ((2560, 40), (2560, 40), (640, 10)),
            ((4096, 64), (2048, 32), (640, 10)),
            ((64, 2562), (32, 1281), (16, 640)),
            ((16_000, 300), (2286, 43), (640, 12)),
        ],
    )
    def test_screen_and_preview_are_bounded(self, facts, size, screen, preview):
        original = Original(make_file("JPEG", size=size))

        files = label(original, facts=facts, recipes=RECIPES, labels=Labels(ENGLISH))

        assert [(file.width, file.height) for file in files] == [size, screen, preview]

    @pytest.mark.parametrize(
        ("original", "image_format"),
        [
            (make_file("PNG"), "JPEG"),
            (make_file("PNG", mode="RGBA", colour=(9, 9, 9, 255)), "JPEG"),
            (make_file("PNG", mode="RGBA", colour=(9, 9, 9, 254)), "WEBP"),
            (make_file("WEBP"), "JPEG"),
        ],
    )
    def test_they_are_jpeg_unless_there_is_transparency(self, facts, original, image_format):
        for recipe in (SCREEN, PREVIEW):
            labelled = label_one(original, facts=facts, recipe=recipe, badge=ENGLISH)
            assert labelled.format == image_format

    def test_no_badge_is_reduced_with_the_image(self, facts):
        """Each rendition is made from pixels without a badge, so it has one, in its own size."""
        original = Original(make_file("PNG", size=(2000, 1000), colour="white"))

        *_, preview = label(original, facts=facts, recipes=RECIPES, labels=Labels(ENGLISH))

        alone = label_one(original.data, facts=facts, recipe=PREVIEW, badge=ENGLISH)
        assert preview.data == alone.data


class TestGrounds:
    """The badge can be read in the files that leave, after they were encoded."""

    @pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
    @pytest.mark.parametrize("ground", ["white", "black", "#808080", "red", "lime", "yellow"])
    def test_plain(self, facts, recipe, ground):
        original = make_file("JPEG", size=(800, 600), colour=ground)

        labelled = label_one(original, facts=facts, recipe=recipe, badge=ENGLISH)

        assert labelled.contrast >= 4.5
        assert self.seen(labelled) >= 4.5

    @pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
    def test_busy(self, facts, recipe):
        original = make_file("PNG", image=make_noise((400, 300)))

        labelled = label_one(original, facts=facts, recipe=recipe, badge=ENGLISH)

        assert labelled.contrast >= 4.5
        assert self.seen(labelled) >= 4.5

    def seen(self, labelled):
        """The contrast of white to the plate's upper edge, above the letters, in the file."""
        image = read(labelled.data).convert("RGBA")
        margin = round(0.03 * min(image.size))
        width, height = (round(labelled.capitals * side) for side in ENGLISH.plate_sides)
        left, top = image.width - margin - width, image.height - margin - height
        inset = round(0.75 * labelled.capitals)
        rows = max(2, round(0.5 * labelled.capitals))
        return white_on(image, (left + inset, top + 2, left + width - inset, top + rows))


class TestShowsTheImage:
    """A file is compared with what was encoded: that a decoder reads it proves little."""

    @pytest.mark.parametrize("image_format", FORMATS)
    @pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
    def test_garbled_bytes_are_found(self, facts, image_format, part):
        class Garbling:
            def sign(self, data, facts, original, **more):
                at = int(len(data) * part)
                noise = random.Random(7).randbytes(40).replace(b"\xff", b"\xfe")
                return Signed(data[:at] + noise + data[at + 40 :])

        original = Original(make_file(image_format, image=make_noise((256, 256))))

        with pytest.raises(LabelFailed):
            label(original, facts=facts, recipes=[FULL], labels=Labels(ENGLISH, signer=Garbling()))

    def test_another_picture_is_found(self, facts):
        class Swapping:
            def sign(self, data, facts, original, **more):
                return Signed(insert_xmp(make_file("JPEG", colour="white"), read_xmp(data)))

        original = Original(make_file("JPEG", colour="black"))

        with pytest.raises(LabelFailed, match="does not show the image"):
            label(original, facts=facts, recipes=[FULL], labels=Labels(ENGLISH, signer=Swapping()))

    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    @pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
    def test_noise_in_every_colour_passes(self, facts, recipe, mode):
        """The hardest picture for an encoder is still near enough to itself."""
        image = make_noise((160, 160)).point(lambda level: 255 if level > 127 else 0)
        image = image.convert(mode)
        if mode == "RGBA":
            image.putalpha(make_noise((160, 160)).getchannel("R"))

        label_one(make_file("PNG", image=image), facts=facts, recipe=recipe, badge=ENGLISH)


class TestSource:
    @pytest.mark.parametrize("source", Source)
    def test_the_file_says_how_the_image_was_made(self, facts, source):
        told = dataclasses.replace(facts, source=source)

        labelled = label_one(make_file("JPEG"), facts=told, recipe=FULL, badge=ENGLISH)

        root = xmp.parse(read_xmp(labelled.data))
        assert xmp.values(root, "Iptc4xmpExt:DigitalSourceType") == [source.uri]

    def test_a_file_that_says_something_else_is_refused(self, facts):
        class Lying:
            def sign(self, data, facts, original, **more):
                term, other = Source.COMPOSITE.uri.encode(), Source.GENERATED.uri.encode()
                return Signed(insert_xmp(data, read_xmp(data).replace(term, other)))

        told = dataclasses.replace(facts, source=Source.COMPOSITE)
        labels = Labels(ENGLISH, signer=Lying())

        with pytest.raises(LabelFailed, match="DigitalSourceType"):
            label(Original(make_file("PNG")), facts=told, recipes=[FULL], labels=labels)
