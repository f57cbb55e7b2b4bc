import hashlib
import json
import threading
import zlib

import pytest

from generations.imaging import one_at_a_time
from generations.labelling import FULL, GB_45438
from generations.labelling.inspecting.layers import find_mark, read_layers
from generations.labelling.inspecting.reports import as_json, carried, in_codes
from generations.labelling.inspecting.verdict import faults
from generations.labelling.metadata.splice import insert_xmp
from tests.generations.imaging.images import (
    FORMATS,
    make_exif,
    make_file,
    make_png,
)
from tests.generations.labelling.carriers import (
    Read,
    exif_with_place,
    with_chunks,
    with_mark,
    with_packet,
)
from tests.generations.labelling.one import label_one
from tests.generations.labelling.packets import make_mark, make_packet
from tests.generations.labelling.signers import PROVIDER, upstream

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SECRET = "a red fox on the roof of the bank"


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

    def test_nonsense_in_place_of_a_manifest(self):
        found = read_layers(with_chunks((b"caBX", b"\xff" * 5_000)))

        assert found.credentials.state == "unreadable"
        assert "credentials_unreadable" in faults(found)


class TestPixels:
    def test_what_the_reader_of_the_mark_says(self):
        data = make_file("PNG")

        found = read_layers(data, mark=lambda image: Read(7, 2, 0.98765)).mark
        assert (found.number, found.key_number, found.confidence) == (7, 2, 0.988)
        assert read_layers(data, mark=lambda image: None).mark.state == "absent"

    def test_a_damaged_picture(self):
        assert read_layers(make_png(64, 64), mark=lambda image: Read(7)).mark.state == "damaged"

    def test_a_picture_with_too_many_pixels(self):
        found = read_layers(make_png(20_000, 20_000), mark=lambda image: Read(7))

        assert found.mark.state == "too_large"

    def test_a_reader_that_fails(self):
        def broken(image):
            raise ZeroDivisionError

        assert read_layers(make_file("PNG"), mark=broken).mark.state == "damaged"

    def test_does_not_wait_for_ever_for_another_picture(self, monkeypatch):
        monkeypatch.setattr("generations.labelling.inspecting.layers.MARK_SECONDS", 0)
        held, done = threading.Event(), threading.Event()

        def hold():
            with one_at_a_time:
                held.set()
                done.wait()

        other = threading.Thread(target=hold)
        other.start()
        held.wait()
        try:
            assert find_mark(make_file("PNG"), lambda image: Read(7)).state == "busy"
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
