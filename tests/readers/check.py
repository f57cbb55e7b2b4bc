"""What readers that nobody here wrote say of signed images. `make test-readers` runs it.

It needs Node.js, exiftool and what `tests/readers/package.json` names, in `build/readers`.
"""

import io
import json
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from generations.imaging.containers import chunks
from generations.labelling import ENGLISH, RECIPES, LabelFacts, Labels, Original, label
from generations.labelling.mark import KEY_BYTES, Marker
from tests.generations.imaging.images import FORMATS, make_file
from tests.generations.labelling.signers import make_signer, upstream

READERS = Path(__file__).resolve().parents[2] / "build" / "readers"
SIZES = [(2048, 2048), (1080, 1920), (300, 200)]
FACTS = LabelFacts(
    image_id="0192f0c1-7b94-7b92-92fd-4d16a9a4e9e9",
    system="Seedream 4.5",
    system_version="seedream-4-5-251128",
    credit="Example Ltd, made with AI",
    producer="example-ltd",
    made_at=datetime(2026, 8, 2, 10, 30, 15, tzinfo=UTC),
    mining="notAllowed",
)
SIGNER = make_signer()


@cache
def made(image_format, size):
    """The files of an image, by recipe."""
    original = Original(make_file(image_format, image=_picture(size)))
    mark = Marker(bytes(KEY_BYTES), 1).with_number(7)
    labels = Labels(ENGLISH, mark=mark, signer=SIGNER)
    files = label(original, facts=FACTS, recipes=RECIPES, labels=labels)
    return {recipe.name: file.data for recipe, file in zip(RECIPES, files, strict=True)}


def read(folder, data):
    """What each reader says of a file: a state and codes; None from one that lacks its format."""
    (folder / "root.pem").write_text(SIGNER.roots)
    (folder / "file").write_bytes(data)
    command = ["node", READERS / "read.mjs", folder / "root.pem", folder / "file"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return {name: said[name] for name in ("web", "server", "typescript")}


def states(said):
    return {name: each and each["state"] for name, each in said.items()}


def expected(data, trusted, otherwise):
    """`trusted` of the two that know roots, `otherwise` of the third, which knows no WebP."""
    third = None if data[:4] == b"RIFF" else otherwise
    return {"web": trusted, "server": trusted, "typescript": third}


@pytest.mark.parametrize("recipe", [recipe.name for recipe in RECIPES])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("image_format", FORMATS)
def test_every_file_is_valid_to_all_of_them(tmp_path, image_format, size, recipe):
    data = made(image_format, size)[recipe]

    assert states(read(tmp_path, data)) == expected(data, "Trusted", "Valid")


@pytest.mark.parametrize("image_format", FORMATS)
def test_exiftool_finds_the_marks_and_nothing_wrong(tmp_path, image_format):
    path = tmp_path / "file"
    path.write_bytes(made(image_format, SIZES[-1])["full"])

    done = subprocess.run(
        ["exiftool", "-json", "-a", "-G1", "-validate", "-all", path],
        capture_output=True,
        check=True,
    )

    (found,) = json.loads(done.stdout)
    assert found["ExifTool:Validate"] == "OK"
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert [name for name in found if name.lower().endswith(":aigc")] == ["XMP-TC260:Aigc"]


class TestChanged:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_one_pixel(self, tmp_path, image_format):
        data = made(image_format, SIZES[-1])["full"]
        longest = max(chunks(data), key=lambda each: each.end - each.start)
        at = (longest.start + longest.end) // 2

        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

        self.assert_all_notice(tmp_path, changed)

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_one_field_of_the_xmp(self, tmp_path, image_format):
        data = made(image_format, SIZES[-1])["full"]

        self.assert_all_notice(tmp_path, data.replace(b"made with AI", b"made by hand"))

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_saved_again(self, tmp_path, image_format):
        data = made(image_format, SIZES[-1])["full"]

        again = make_file(image_format, image=Image.open(io.BytesIO(data)))

        assert states(read(tmp_path, again)) == expected(again, "none", "none")

    def assert_all_notice(self, folder, data):
        said = read(folder, data)
        assert states(said) == expected(data, "Invalid", "Invalid")
        for each in filter(None, said.values()):
            assert "assertion.dataHash.mismatch" in each["failures"]


@pytest.mark.parametrize("image_format", FORMATS)
def test_over_a_manifest_of_the_provider(tmp_path, image_format):
    """Valid to all; trusted only by those who do not ask about the provider's root as well."""
    original = upstream().sign(make_file("JPEG"))

    data = SIGNER.sign(make_file(image_format), FACTS, original).data

    found = states(read(tmp_path, data))
    assert {found["web"], found["server"]} <= {"Trusted", "Valid"}
    assert found["typescript"] in (None, "Valid")


@pytest.mark.parametrize("image_format", FORMATS)
def test_that_names_a_file_of_the_provider_by_its_hash(tmp_path, image_format):
    original = upstream().sign(make_file("JPEG"))

    data = SIGNER.sign(make_file(image_format), FACTS, original, carries=False).data

    assert states(read(tmp_path, data)) == expected(data, "Trusted", "Valid")


def _picture(size):
    noise = Image.effect_noise((size[0] // 8, size[1] // 8), 60).resize(size)
    gradient = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (noise, gradient, Image.blend(noise, gradient, 0.5)))
