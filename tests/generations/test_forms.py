"""The composer's form: what an engine can do is offered and taken, all else refused in words."""

import io
import struct
import uuid
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.datastructures import MultiValueDict

from generations.forms import ComposeForm, OriginalForm
from generations.forms.fields import FILE_LEFT_OUT, MAX_UPLOAD_BYTES
from generations.models import Price, Reference, Run
from generations.submission import NewReference
from tests.generations.asking import APIXO, DEMO
from tests.generations.factories import make_finished_run, make_reference, picture_file

pytestmark = pytest.mark.django_db


def values(**given):
    usual = {
        "engine": DEMO,
        "prompt": "ridges at dawn",
        "num_images": "4",
        "resolution": "2K",
        "aspect_ratio": "3:2",
        "idempotency_key": str(uuid.uuid4()),
    } | given
    lists = {name: value if isinstance(value, list) else [value] for name, value in usual.items()}
    return MultiValueDict(lists)


def upload(data, name="picture.png", content_type="image/png"):
    return SimpleUploadedFile(name, data, content_type)


def sent(user, *files, **given):
    return ComposeForm(values(**given), MultiValueDict({"references": list(files)}), user=user)


def errors_of(form):
    assert not form.is_valid()
    return {name: " ".join(messages) for name, messages in form.errors.items()}


class TestWhatComesOut:
    def test_a_request_in_the_engines_words(self, alice):
        form = sent(alice, num_images="2", seed="7", campaign="Autumn")
        assert form.is_valid(), form.errors
        request = form.to_request()
        assert (request.engine, request.num_images, request.campaign) == (DEMO, 2, "Autumn")
        assert request.prompt == "ridges at dawn"
        assert request.options["resolution"] == "2K"
        assert request.options["aspect_ratio"] == "3:2"
        assert request.options["seed"] == 7

    def test_options_left_empty_are_not_sent(self, alice):
        form = sent(alice, seed="", guidance_scale="")
        assert form.is_valid(), form.errors
        assert not {"seed", "guidance_scale", "negative_prompt", "sequential"} & set(
            form.to_request().options
        )

    def test_what_a_form_leaves_out_stands_as_the_page_would_have_shown_it(self, alice):
        given = values()
        for name in ("num_images", "resolution", "aspect_ratio"):
            del given[name]
        form = ComposeForm(given, user=alice)
        assert form.is_valid(), form.errors
        request = form.to_request()
        assert (request.num_images, request.options["resolution"]) == (4, "2K")

    def test_line_breaks_count_as_one_character(self, alice, apixo_key):
        limit = 5000
        form = sent(alice, engine=APIXO, prompt="a\r\n" * (limit // 2))
        assert form.is_valid(), form.errors
        assert "\r" not in form.to_request().prompt

    def test_a_forged_price_is_of_no_consequence(self, alice):
        form = sent(alice, price="0", credits="0")
        assert form.is_valid()
        assert form.price == 4 * Price.objects.get(engine=DEMO, tier="2K").credits

    def test_nothing_is_written(self, alice):
        assert sent(alice, upload(picture_file())).is_valid()
        assert not Run.objects.exists()
        assert not Reference.objects.exists()


class TestTexts:
    @pytest.mark.parametrize("prompt", ["", " ", "\r\n\t"])
    def test_an_empty_prompt(self, alice, prompt):
        assert "Write what" in errors_of(sent(alice, prompt=prompt))["prompt"]

    def test_a_prompt_that_is_too_long_is_counted(self, alice, apixo_key):
        message = errors_of(sent(alice, engine=APIXO, prompt="x" * 5012))["prompt"]
        assert "5012" in message
        assert "5000" in message
        assert "12." in message

    @pytest.mark.parametrize("name", ["prompt", "campaign"])
    @pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
    def test_nul_and_lone_surrogates(self, alice, name, bad):
        assert "character" in errors_of(sent(alice, **{name: bad}))[name]


class TestChoices:
    @pytest.mark.parametrize("count", ["0", "-1", "1000", "four", "", "1.5", "\0"])
    def test_a_wrong_count_names_the_right_ones(self, alice, count):
        assert "1 to" in errors_of(sent(alice, num_images=count))["num_images"]

    @pytest.mark.parametrize("engine", ["", "nobody/nothing", APIXO, "\0"])
    def test_an_engine_that_is_not_set_up(self, alice, engine):
        assert "Choose another" in errors_of(sent(alice, engine=engine))["engine"]

    def test_an_unknown_format_names_those_there_are(self, alice):
        assert "16:9" in errors_of(sent(alice, aspect_ratio="7:5"))["aspect_ratio"]

    def test_an_unknown_resolution(self, alice):
        assert "2K" in errors_of(sent(alice, resolution="8K"))["resolution"]

    @pytest.mark.parametrize("seed", ["-1", "99999999999999999999", "x", "1.5"])
    def test_a_seed_beyond_its_limits(self, alice, seed):
        assert errors_of(sent(alice, seed=seed))["seed"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("seed", "0"),
            ("guidance_scale", "5"),
            ("negative_prompt", "fog"),
            ("output_format", "png"),
            ("enhance_prompt", "on"),
        ],
    )
    def test_an_option_that_the_engine_lacks_is_absent_and_refused(
        self, alice, apixo_key, name, value
    ):
        form = sent(alice, engine=APIXO, **{name: value})
        assert name not in form.fields
        assert "does not have this option" in errors_of(form)["__all__"]

    def test_a_switch_that_is_off_asks_for_nothing(self, alice, apixo_key):
        assert sent(alice, engine=APIXO, enhance_prompt="false").is_valid()

    @pytest.mark.parametrize("key", ["", "x", "1", "\0"])
    def test_a_bad_key_gets_a_fresh_one(self, alice, key):
        form = sent(alice, idempotency_key=key)
        assert "press again" in errors_of(form)["idempotency_key"]
        assert uuid.UUID(form.key)

    def test_a_good_key_stays_while_a_form_is_mended(self, alice):
        key = str(uuid.uuid4())
        assert sent(alice, idempotency_key=key, prompt="").key == key


def bomb():
    """A PNG of a few hundred bytes that claims 50,000 by 50,000 pixels."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


BAD_FILES = {
    "no picture": b"hello",
    "empty": b"",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "bomb": bomb(),
    "cut off": picture_file((400, 400))[:120],
    "gif": picture_file(image_format="GIF"),
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "tiny": picture_file((3, 3)),
}


class TestReferences:
    def test_uploads_and_pictures_of_the_team_in_one_order(self, alice, bob):
        image = make_finished_run(bob).images.get()
        reference = make_reference(bob)
        form = sent(
            alice,
            upload(picture_file()),
            references=[str(reference.uuid), str(image.uuid)],
            rights="licensed",
        )
        assert form.is_valid(), form.errors
        first, second, third = form.to_request().references
        assert (first, second) == (reference, image)
        assert isinstance(third, NewReference)
        assert third.rights == "licensed"

    def test_an_upload_loses_what_hides_in_it(self, alice):
        form = sent(alice, upload(picture_file() + b"<?php secret ?>"))
        assert form.is_valid(), form.errors
        (reference,) = form.to_request().references
        assert b"secret" not in reference.picture.data

    @pytest.mark.parametrize("kind", BAD_FILES)
    def test_a_file_that_is_no_use_is_named(self, alice, kind):
        message = errors_of(sent(alice, upload(BAD_FILES[kind], name="trap.png")))["references"]
        assert "trap.png" in message

    def test_a_file_that_is_too_large_is_not_even_opened(self, alice):
        class Unread(io.BytesIO):
            def read(self, *args):
                raise AssertionError("a file of 50 MB was read")

        file = upload(b"")
        file.file, file.size = Unread(), 50_000_000
        assert "47.7" in errors_of(sent(alice, file))["references"]
        assert MAX_UPLOAD_BYTES < 50_000_000

    @pytest.mark.parametrize(
        "identifier", ["x", "\0", "11111111-2222-3333-4444-555555555555", "[object Object]"]
    )
    def test_an_identifier_of_nothing(self, alice, identifier):
        assert "not there" in errors_of(sent(alice, references=[identifier]))["references"]

    def test_what_belongs_to_strangers_looks_like_nothing(self, alice, charlie):
        image = make_finished_run(charlie).images.get()
        reference = make_reference(charlie)
        missing = errors_of(sent(alice, references=[str(uuid.uuid4())]))
        for uuid_of_stranger in (image.uuid, reference.uuid):
            assert errors_of(sent(alice, references=[str(uuid_of_stranger)])) == missing

    def test_more_than_the_engine_takes(self, alice):
        most = ComposeForm(user=alice).able.max_references
        references = [str(make_reference(alice).uuid)] * (most + 1)
        assert str(most) in errors_of(sent(alice, references=references))["references"]

    def test_by_link_without_a_public_address_they_are_not_offered_and_refused(
        self, alice, apixo_key, settings
    ):
        settings.SERVED_OVER_HTTPS = False
        reference = make_reference(alice)
        form = sent(alice, engine=APIXO, references=[str(reference.uuid)])
        assert "references" not in form.fields
        assert "PUBLIC_URL" in form.no_references
        assert "PUBLIC_URL" in errors_of(form)["__all__"]

    def test_by_link_with_a_public_address_they_are(self, alice, apixo_key, settings):
        settings.SERVED_OVER_HTTPS = True
        form = sent(alice, engine=APIXO, references=[str(make_reference(alice).uuid)])
        assert form.is_valid(), form.errors


class TestFitting:
    def test_what_fits_another_engine_is_kept(self, alice, apixo_key):
        given = {"engine": APIXO, "prompt": "a fox", "aspect_ratio": "16:9", "num_images": 2}
        form = ComposeForm.fitting(given, user=alice)
        assert not form.is_bound
        assert form.engine.name == APIXO
        kept = {name: form.get_initial_for_field(form.fields[name], name) for name in given}
        assert kept == given
        assert form.notes == []

    def test_what_does_not_fit_is_said(self, alice, apixo_key):
        given = {"engine": APIXO, "seed": 7, "aspect_ratio": "7:5", "num_images": 99}
        form = ComposeForm.fitting(given, user=alice)
        assert form.num_images == 4
        assert [note.partition(":")[0] for note in form.notes] == ["Images", "Format", "Seed"]

    def test_of_too_many_references_those_that_fit_stay(self, alice):
        most = ComposeForm(user=alice).able.max_references
        references = [str(make_reference(alice).uuid) for _ in range(most + 1)]
        form = ComposeForm.fitting({"references": references}, user=alice)
        assert [str(each.uuid) for each in form.pictures] == references[:most]
        assert form.notes[0].startswith("References: ")

    def test_what_nobody_chose_is_no_loss(self, alice, apixo_key):
        given = values(engine=APIXO, output_format="", rights="own", enhance_prompt="")
        assert ComposeForm.fitting(given, user=alice).notes == []

    def test_a_prompt_in_the_making_is_nobodys_mistake(self, alice):
        form = ComposeForm.fitting({"prompt": ""}, user=alice)
        assert form.notes == []

    def test_files_that_stayed_in_the_browser_count(self, alice):
        form = ComposeForm.fitting(values(references=[FILE_LEFT_OUT] * 2), user=alice)
        assert (form.uploads, form.pictures, form.notes) == (2, [], [])

    def test_the_price_follows_count_and_resolution(self, alice):
        def price(**given):
            return ComposeForm.fitting(values(**given), user=alice).price

        of_one = price(num_images="1")
        assert price(num_images="4") == 4 * of_one
        assert price(num_images="1", resolution="4K") != of_one

    def test_without_an_engine_there_is_no_price(self, alice, settings):
        settings.DEMO = False
        form = ComposeForm(user=alice)
        assert (form.engine, form.price) == (None, None)
        assert not ComposeForm(values(), user=alice).is_valid()


class TestOriginalForm:
    def test_wants_a_reason(self):
        assert OriginalForm({"reason": "print shop asks for it"}).is_valid()
        assert "needed for" in str(OriginalForm({"reason": " "}).errors)
        assert not OriginalForm({"reason": "a\0b"}).is_valid()
