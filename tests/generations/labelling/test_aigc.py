import base64
import hashlib
import json

import pytest

from generations.labelling.metadata import aigc
from tests.generations.imaging.images import FORMATS, make_file, png_chunk
from tests.generations.labelling.packets import SIGNATURE, make_mark


def test_a_first_mark_repeats_its_producer(facts):
    assert json.loads(aigc.mark(facts, upstream=None)) == {
        "Label": "1",
        "ContentProducer": "example-ltd",
        "ProduceID": facts.image_id,
        "ReservedCode1": "",
        "ContentPropagator": "example-ltd",
        "PropagateID": facts.image_id,
        "ReservedCode2": "",
    }


def test_passing_on_rewrites_two_fields_alone(facts):
    upstream = aigc.passed_on([make_mark(Label="2")])

    passed_on = json.loads(aigc.mark(facts, upstream=upstream))

    assert passed_on == upstream | {
        "ContentPropagator": "example-ltd",
        "PropagateID": facts.image_id,
    }


def test_reads_the_wrapped_form():
    assert aigc.parse(f'{{"AIGC":{make_mark()}}}') == aigc.parse(make_mark())


def test_reads_a_label_written_as_a_number():
    assert aigc.parse(make_mark(Label=1))["Label"] == "1"


def test_leaves_unknown_keys_behind():
    assert "Prompt" not in aigc.parse(make_mark(Prompt="a secret prompt"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        '"1"',
        '{"AIGC": []}',
        "[" * 100_000,
        make_mark(ContentProducer=""),
        make_mark(ProduceID=""),
        make_mark(ProduceID=["up-9"]),
        make_mark(ReservedCode1={"SecurityData": {}}),
        make_mark(ContentProducer="x" * 1001),
    ],
    ids=lambda text: text[:40],
)
def test_what_names_no_producer_is_no_mark(text):
    assert aigc.parse(text) is None


def test_finds_a_mark_in_a_png_text_field():
    data = make_file("PNG")
    marked = data[:33] + png_chunk(b"tEXt", b"AIGC\0" + make_mark().encode()) + data[33:]

    assert aigc.parse(aigc.find_outside_xmp(marked)) == aigc.parse(make_mark())


@pytest.mark.parametrize("image_format", FORMATS)
def test_finds_a_mark_in_a_user_comment(image_format):
    comment = b"Exif\0\0 here be tags ASCII\0\0\0" + f'{{"AIGC":{make_mark()}}}'.encode()

    found = aigc.find_outside_xmp(make_file(image_format, exif=comment))

    assert aigc.parse(found) == aigc.parse(make_mark())


@pytest.mark.parametrize("image_format", FORMATS)
def test_finds_none_in_a_plain_file(image_format):
    assert aigc.find_outside_xmp(make_file(image_format)) is None


class TestWhatIsPassedOn:
    """Of a mark that another producer wrote, only what the standard allows goes on."""

    @pytest.mark.parametrize(
        ("label", "passed"),
        [("1", "1"), ("2", "2"), ("0", "1"), ("3", "1"), ("", "1"), ("yes", "1"), (0, "1")],
    )
    def test_a_label_says_what_we_know(self, label, passed):
        assert aigc.passed_on([make_mark(Label=label)])["Label"] == passed

    @pytest.mark.parametrize("name", ["ContentProducer", "ProduceID"])
    @pytest.mark.parametrize(
        "value", ["two words", 'quo\\"te', "back\\\\slash", "公司", "line\nbreak", "x" * 200]
    )
    def test_a_producer_outside_the_alphabet_is_not_repeated(self, name, value):
        assert aigc.passed_on([make_mark(**{name: value})]) is None

    def test_the_next_mark_is_taken_if_the_first_is_no_good(self):
        texts = ["no json", make_mark(ContentProducer="two words"), make_mark(ProduceID="up-10")]

        assert aigc.passed_on(texts)["ProduceID"] == "up-10"

    @pytest.mark.parametrize("name", ["ReservedCode1", "ReservedCode2"])
    @pytest.mark.parametrize(
        "code",
        [
            SIGNATURE,
            SIGNATURE.upper(),
            base64.b64encode(hashlib.sha256(b"1").digest() * 2).decode(),
            "",
        ],
    )
    def test_a_signature_is_kept(self, name, code):
        assert aigc.passed_on([make_mark(**{name: code})])[name] == code

    @pytest.mark.parametrize("name", ["ReservedCode1", "ReservedCode2"])
    @pytest.mark.parametrize(
        "code",
        [
            "a secret prompt",
            "a-secret-prompt",
            "ASecretPromptOfAFoxInTheSnowAtDawnWithoutSpaces1",
            "a/secret/prompt/of/a/fox/in/the/snow/at/dawn/with/4/words",
            "{SecurityData}",
            "a" * 31,
            "abc123",
        ],
    )
    def test_anything_else_in_a_reserved_field_is_not(self, name, code):
        assert aigc.passed_on([make_mark(**{name: code})])[name] == ""
