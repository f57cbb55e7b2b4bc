import hashlib
import json
import struct
import threading
import tracemalloc
import zlib

import pytest
from PIL import Image

from generations.imaging import one_at_a_time
from generations.labelling import FULL, GB_45438
from generations.labelling.layers import find_mark, read_layers
from generations.labelling.reports import as_json, carried, in_codes
from generations.labelling.splice import insert_xmp
from generations.labelling.verdict import faults
from tests.generations.imaging.images import (
    FORMATS,
    make_animation,
    make_exif,
    make_file,
    make_png,
    png_chunk,
)
from tests.generations.labelling.one import label_one
from tests.generations.labelling.packets import make_mark, make_packet
from tests.generations.labelling.signers import PROVIDER, upstream

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SECRET = "a red fox on the roof of the bank"
DEEP = 20_000


def with_chunks(*parts: tuple[bytes, bytes]) -> bytes:
    """A PNG with these parts after its header."""
    data = make_file("PNG")
    return data[:33] + b"".join(png_chunk(*part) for part in parts) + data[33:]


def with_packet(properties: str = "", **given: str) -> bytes:
    return insert_xmp(make_file("PNG"), make_packet(properties, **given))


def with_mark(**changes) -> bytes:
    return with_packet(f"<TC260:AIGC>{make_mark(**changes)}</TC260:AIGC>")


@pytest.fixture(params=FORMATS)
def ours(request, facts) -> bytes:
    data = make_file(request.param)
    return label_one(data, facts=facts, recipe=FULL, badge=GB_45438).data


class TestOurFiles:
    def test_every_layer_is_read(self, ours, facts):
        found = read_layers(ours)

        assert (found.sha256, found.bytes) == (hashlib.sha256(ours).hexdigest(), len(ours))
        assert (found.width, found.height, found.problems, found.trailing) == (320, 240, (), 0)
        assert found.xmp.source_types == (TRAINED,)
        assert (found.xmp.packets, found.xmp.image_id) == (1, facts.image_id)
        (mark,) = found.aigc
        assert (mark.carrier, mark.problems) == ("xmp", ())
        assert mark.fields["PropagateID"] == facts.image_id
        assert found.mark.state == "not_looked"

    def test_they_lack_nothing_but_a_signature_if_nobody_signs(self, ours):
        assert faults(read_layers(ours), signed=False) == ()
        assert faults(read_layers(ours)) == ("credentials_missing",)

    def test_the_report_is_json(self, ours):
        assert json.loads(json.dumps(as_json(read_layers(ours))))["aigc"][0]["fields"]["Label"]


class TestForeignFiles:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_exif(self, image_format):
        exif = make_exif(Software="Camera 7", Artist="Ada", DateTime="2026:11:01 10:00:00")

        found = read_layers(make_file(image_format, exif=exif)).exif

        assert (found.software, found.artist) == ("Camera 7", "Ada")
        assert (found.changed, found.has_place) == ("2026:11:01 10:00:00", False)

    def test_that_there_is_a_place_but_not_which(self):
        found = read_layers(make_file("JPEG", exif=exif_with_place()))

        assert found.exif.has_place
        assert "51" not in json.dumps(as_json(found)["exif"])

    def test_text_fields_by_name_and_length_never_their_text(self):
        data = with_chunks(
            (b"tEXt", b"parameters\0" + SECRET.encode()),
            (b"zTXt", b"workflow\0\0" + zlib.compress(SECRET.encode())),
        )

        found = read_layers(data)

        assert [each.name for each in found.texts] == ["parameters", "workflow"]
        assert found.texts[0].bytes == len("parameters ") + len(SECRET)
        assert SECRET not in json.dumps(as_json(found))

    @pytest.mark.parametrize(
        ("changes", "problems"),
        [
            ({}, ()),
            ({"Label": "0"}, ("label",)),
            ({"Label": 1}, ("not_text",)),
            ({"ContentProducer": "a studio"}, ("alphabet",)),
            ({"ContentProducer": ""}, ("producer",)),
            ({"PropagateID": ""}, ("propagator",)),
        ],
    )
    def test_what_is_wrong_with_a_mark(self, changes, problems):
        (mark,) = read_layers(with_mark(**changes)).aigc

        assert mark.problems == problems

    def test_a_mark_without_a_field(self):
        data = with_packet('<TC260:AIGC>{"Label":"1"}</TC260:AIGC>')

        assert set(read_layers(data).aigc[0].problems) == {"lacking", "producer", "propagator"}

    def test_all_marks_of_a_file(self):
        mark = make_mark()
        inside = make_packet(f"<TC260:AIGC>{mark}</TC260:AIGC>")
        data = insert_xmp(with_chunks((b"tEXt", b"AIGC\0" + mark.encode())), inside)

        found = read_layers(data)

        assert [each.carrier for each in found.aigc] == ["xmp", "png_text"]
        assert "aigc_twice" in faults(found)

    def test_a_mark_in_xmp_in_its_wrapped_form_is_one_mark(self):
        wrapped = f'<TC260:AIGC>{{"AIGC":{make_mark()}}}</TC260:AIGC>'

        assert [each.carrier for each in read_layers(with_packet(wrapped)).aigc] == ["xmp"]

    def test_a_file_that_does_not_name_system_and_image(self):
        data = with_packet(
            f"<Iptc4xmpExt:DigitalSourceType>{TRAINED}</Iptc4xmpExt:DigitalSourceType>"
        )

        assert {"system_missing", "id_missing"} <= set(faults(read_layers(data)))

    def test_properties_written_as_attributes_or_lists(self):
        attributes = f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"'
        listed = "<dc:identifier><rdf:Bag><rdf:li>one</rdf:li></rdf:Bag></dc:identifier>"

        found = read_layers(with_packet(listed, attributes=attributes)).xmp

        assert (found.source_types, found.identifier) == ((TRAINED,), "one")

    def test_a_photograph_has_no_labels(self):
        assert faults(read_layers(make_file("JPEG")), signed=False) == (
            "xmp_missing",
            "aigc_missing",
        )


class TestSignedFiles:
    def test_complete_and_valid(self, ours):
        found = read_layers(upstream().sign(ours), roots=upstream().root)

        assert (found.credentials.state, found.credentials.issuer) == ("trusted", PROVIDER)
        assert (found.trailing, faults(found)) == (0, ())
        assert json.loads(json.dumps(as_json(found)))["credentials"]["actions"]

    def test_changed_after_signing(self, ours):
        changed = bytearray(upstream().sign(ours))
        changed[changed.index(b"DigImageGUID") + 40] ^= 1  # in the XMP

        assert "credentials_invalid" in faults(read_layers(bytes(changed)))

    def test_a_manifest_that_does_not_say_how_the_image_was_made(self):
        data = make_file("JPEG")
        opened = upstream().sign(data, parent=data)

        assert "credentials_source_type" in faults(read_layers(opened))

    def test_what_is_kept_of_them(self, ours):
        kept = in_codes(read_layers(upstream().sign(ours)))

        assert (kept["c2pa"], kept["issuer"], kept["generator"]) == ("valid", PROVIDER, "Upstream")
        assert carried(kept) == {"c2pa", "aigc"}

    def test_a_name_that_the_prompt_contains_is_not_kept(self, ours):
        prompt = f"a poster for {PROVIDER}"

        assert "issuer" not in in_codes(read_layers(upstream().sign(ours)), secret=prompt)

    def test_a_manifest_of_50_mb_is_not_read(self):
        data = with_chunks((b"caBX", b"\0" * 50_000_000))

        assert peak_of(data) < 8_000_000
        assert read_layers(data).credentials.problems == ("too_large",)

    def test_nonsense_in_place_of_a_manifest(self):
        found = read_layers(with_chunks((b"caBX", b"\xff" * 5_000)))

        assert found.credentials.state == "unreadable"
        assert "credentials_unreadable" in faults(found)


class TestHostileFiles:
    def test_no_image(self):
        assert read_layers(b"").problems == ("not_an_image",)
        assert read_layers(b"<html>").problems == ("not_an_image",)

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_a_file_cut_anywhere(self, image_format):
        data = insert_xmp(
            make_file(image_format, size=(16, 16), exif=make_exif(Software="Camera")),
            make_packet(f"<TC260:AIGC>{make_mark()}</TC260:AIGC>"),
        )

        cut = [read_layers(data[:end]) for end in range(0, len(data), 9)]

        assert all(layers.problems for layers in cut)

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_a_file_with_any_byte_changed(self, image_format):
        packet = make_packet(f"<TC260:AIGC>{make_mark()}</TC260:AIGC>")
        exif = make_exif(Software="Camera", Artist="Ada")
        data = bytearray(insert_xmp(make_file(image_format, size=(16, 16), exif=exif), packet))

        for at in range(0, len(data), 11):
            for flipped in (data[at] ^ 0xFF, 0):
                before, data[at] = data[at], flipped
                json.dumps(as_json(read_layers(bytes(data))))
                data[at] = before

    @pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
    def test_animation(self, image_format):
        assert "animated" in read_layers(make_animation(image_format)).problems

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_a_polyglot_has_bytes_after_the_image(self, image_format):
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
    def test_hostile_packet(self, packet, problem):
        body = b"XML:com.adobe.xmp\0\0\0\0\0" + packet

        assert read_layers(with_chunks((b"iTXt", body))).xmp.problem == problem

    @pytest.mark.parametrize(
        "nested",
        ["<x>" * DEEP + "</x>" * DEEP, "<TC260:AIGC>" * DEEP + "</TC260:AIGC>" * DEEP],
        ids=["any elements", "marks"],
    )
    def test_a_packet_nested_20000_deep(self, nested):
        found = read_layers(with_packet(nested))

        assert (found.xmp.problem, found.aigc) == ("", ())

    def test_a_packet_with_thousands_of_marks(self):
        assert len(read_layers(with_packet("<TC260:AIGC>{}</TC260:AIGC>" * 30_000)).aigc) == 5

    def test_a_mark_of_many_brackets(self):
        (mark,) = read_layers(with_packet(f"<TC260:AIGC>{'[' * 9_000}</TC260:AIGC>")).aigc

        assert mark.problems == ("not_readable",)

    def test_packets_beyond_the_third_are_only_counted(self):
        body = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(make_packet("x" * 900_000), 9)

        found = read_layers(with_chunks(*[(b"iTXt", body)] * 200))

        assert found.xmp.packets == 200
        assert "xmp_twice" in faults(found)

    def test_a_bomb_of_compressed_text_needs_little_memory(self):
        bomb = zlib.compress(b"x" * 50_000_000, 9)
        data = with_chunks(
            (b"zTXt", b"Comment\0\0" + bomb),
            (b"iTXt", b"AIGC\0\1\0\0\0" + bomb),
            (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
        )

        assert peak_of(data) < 8_000_000
        assert read_layers(data).xmp.problem == "too_large"

    def test_thousands_of_text_fields(self):
        data = with_chunks(*[(b"tEXt", b"k\0v")] * 3_000)

        assert len(read_layers(data).texts) == 50

    def test_a_bomb_of_exif_entries_needs_little_memory(self):
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
            b"II*\0"
            + struct.pack("<IH", 8, 1)
            + struct.pack("<HHII", 0x0131, 2, 2**32 - 1, 2**32 - 1),
            b"x" * 2_000_000,
        ],
        ids=["empty", "cut", "far", "no entries", "circle", "long text", "2 MB"],
    )
    def test_broken_exif(self, body):
        found = read_layers(with_chunks((b"eXIf", body))).exif

        assert (found.software, found.has_place) == ("", False)

    def test_a_name_of_a_field_with_control_characters(self):
        (field,) = read_layers(with_chunks((b"tEXt", b"a\x1b[31mb\0v"))).texts

        assert field.name == "a?[31mb"


def peak_of(data: bytes) -> int:
    """How many bytes reading needs at most, beside the file."""
    tracemalloc.start()
    try:
        read_layers(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def exif_with_place() -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 0.0)
    return exif.tobytes()


class TestPixels:
    def test_what_the_reader_of_the_mark_says(self):
        data = make_file("PNG")

        assert read_layers(data, mark=lambda image: 7).mark.number == 7
        assert read_layers(data, mark=lambda image: None).mark.state == "absent"

    def test_a_damaged_picture(self):
        assert read_layers(make_png(64, 64), mark=lambda image: 7).mark.state == "damaged"

    def test_a_picture_with_too_many_pixels(self):
        found = read_layers(make_png(20_000, 20_000), mark=lambda image: 7)

        assert found.mark.state == "too_large"

    def test_a_reader_that_fails(self):
        def broken(image):
            raise ZeroDivisionError

        assert read_layers(make_file("PNG"), mark=broken).mark.state == "damaged"

    def test_does_not_wait_for_ever_for_another_picture(self, monkeypatch):
        monkeypatch.setattr("generations.labelling.layers.MARK_SECONDS", 0)
        held, done = threading.Event(), threading.Event()

        def hold():
            with one_at_a_time:
                held.set()
                done.wait()

        other = threading.Thread(target=hold)
        other.start()
        held.wait()
        try:
            assert find_mark(make_file("PNG"), lambda image: 7).state == "busy"
        finally:
            done.set()
            other.join()


class TestWhatIsKept:
    def test_codes_of_what_was_found(self):
        assert in_codes(read_layers(with_mark(Label="0"))) == {
            "looked": "1",
            "xmp": "readable",
            "aigc": "0",
            "aigc_problems": "label",
        }

    def test_that_nothing_was_found(self):
        assert in_codes(read_layers(make_file("JPEG"))) == {"looked": "1"}
        assert carried({"looked": "1"}) == frozenset()

    def test_marks_that_a_provider_is_known_by(self):
        assert carried(in_codes(read_layers(with_mark()))) == {"aigc"}

    def test_no_text_of_a_file(self):
        mark = make_mark(ReservedCode1=SECRET, Label=SECRET, ContentProducer=SECRET)
        packet = make_packet(
            f"<TC260:AIGC>{mark}</TC260:AIGC><dc:identifier>{SECRET}</dc:identifier>"
            f"<Iptc4xmpExt:DigitalSourceType>{SECRET}</Iptc4xmpExt:DigitalSourceType>"
        )
        data = insert_xmp(
            with_chunks(
                (b"tEXt", SECRET.encode() + b"\0" + SECRET.encode()),
                (b"eXIf", make_exif(Software=SECRET, Artist=SECRET)),
            ),
            packet,
        )

        kept = in_codes(read_layers(data))

        assert SECRET not in str(kept)
        assert "fox" not in str(kept)
        assert (kept["png_text"], kept["source_type"]) == ("other", "other")
